#!/usr/bin/env bash
# Makes the project's own Python environment, .venv, or brings it up to date.
#
# Does nothing if the requirements are those that were installed last. It may be interrupted at any
# moment: the next run picks up from there. Nothing outside of .venv is changed.
set -euo pipefail

if [ "${1:-}" = "--help" ]; then
    echo "usage: scripts/ensure_venv.sh - makes the project's Python environment, .venv, or brings it up to date"
    exit 0
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
stamp=$venv/requirements.sha256
unfinished=$venv/installation-unfinished
requirements=("$root/requirements.txt" "$root/requirements-dev.txt")

say() { printf '%s\n' "$*" >&2; }

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if is_recent "$name"; then
      command -v "$name"
      return
    fi
  done
  say "error: no Python 3.11 or newer was found. Install one (with its venv module) and try again."
  return 1
}

# What the environment depends on: the requirement files, and the Python that it was made with.
fingerprint() {
  "$venv/bin/python" - "${requirements[@]}" <<'PYTHON'
import hashlib, pathlib, sys
digest = hashlib.sha256(sys.version.encode())
for name in sys.argv[1:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PYTHON
}

# pip may take a half-unpacked package for an installed one, so an interrupted installation starts afresh.
# So does an environment that somebody made with an older Python.
if [[ -e $unfinished ]] || ! is_recent "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  say "Making the Python environment in .venv …"
  if ! "$python" -m venv --clear "$venv"; then
    say "error: $python cannot make a virtual environment. On Debian and Ubuntu, install python3-venv."
    exit 1
  fi
fi

wanted=$(fingerprint)
if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
  say "Installing the requirements into .venv (once; this may take a minute) …"
  rm -f "$stamp"
  : >"$unfinished"
  "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes \
    -r "${requirements[0]}" -r "${requirements[1]}"
  printf '%s\n' "$wanted" >"$stamp.new"
  mv "$stamp.new" "$stamp"
  rm "$unfinished"
fi
