#!/usr/bin/env bash
# Pin the requirements: *.in (what we ask for) to *.txt (exact versions with hashes).
set -euo pipefail

if [ "${1:-}" = "--help" ]; then
    cat <<'TEXT'
Turn requirements.in, requirements-dev.in and requirements-bench.in into .txt files,
with exact versions and hashes for Python 3.11 and later on every platform.

usage: scripts/lock.sh [--upgrade]
TEXT
    exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/ensure_venv.sh
.venv/bin/pip install --quiet uv
for name in requirements requirements-dev requirements-bench; do
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-emit-index-url "$@" "$name.in" --output-file "$name.txt"
done
echo "the requirements are locked; now run ./scripts/licences.sh, which lists what they are licensed under"
