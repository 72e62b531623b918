#!/usr/bin/env bash
# Makes the project's own Python environment, .venv, or brings it up to date.
#
# Does nothing if the requirements are those that were installed last. It may be interrupted at any
# moment: the next run starts afresh. Nothing outside of .venv is changed.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/ensure_venv.sh [--tests]

Makes the project's Python environment, .venv, or brings it up to date, with what the command lines
and the demo need.

  --tests  also with what the tests and the checks need
  --help   this text
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
stamp=$venv/requirements.sha256
unfinished=$venv/installation-unfinished
files=("$root/requirements.txt" "$root/requirements-demo.txt")

say() { printf '%s\n' "$*" >&2; }

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  --tests) files+=("$root/requirements-dev.txt") ;;
  '') ;;
  *) say "ensure_venv.sh: unknown argument $1; see --help"; exit 2 ;;
esac

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

# A line for each requirement file, and the Python that it is installed for.
fingerprints() {
  "$venv/bin/python" -S - "${files[@]}" <<'PYTHON'
import hashlib, pathlib, sys
for name in sys.argv[1:]:
    print(hashlib.sha256(sys.version.encode() + pathlib.Path(name).read_bytes()).hexdigest())
PYTHON
}

pip_install() {
  "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes "$@"
}

# uv is several times faster than pip. It does not read pip's configuration, so pip does the work where uv cannot.
install() {
  local requirements=()
  local file
  for file in "${files[@]}"; do
    requirements+=(-r "$file")
  done
  if pip_install -r "$root/requirements-tools.txt" &&
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes "${requirements[@]}"; then
    return
  fi
  say "uv cannot install them; pip tries it …"
  pip_install "${requirements[@]}"
}

# A half-unpacked package may count as an installed one, so an interrupted installation starts afresh.
# So does an environment that was made with an older Python, or without pip.
if [[ -e $unfinished || ! -x $venv/bin/pip ]] || ! is_recent "$venv/bin/python"; then
  python=$(find_python)
  say "Making the Python environment in .venv …"
  if ! "$python" -m venv --clear "$venv"; then
    say "error: $python cannot make a virtual environment. On Debian and Ubuntu, install python3-venv."
    exit 1
  fi
fi

wanted=$(fingerprints)
if [[ ! -f $stamp ]] || grep --quiet --invert-match --line-regexp --fixed-strings --file="$stamp" <<<"$wanted"; then
  say "Installing the requirements into .venv (once; this may take a minute) …"
  rm -f "$stamp"
  : >"$unfinished"
  install
  printf '%s\n' "$wanted" >"$stamp.new"
  mv "$stamp.new" "$stamp"
  rm "$unfinished"
fi
