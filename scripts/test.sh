#!/usr/bin/env bash
# Check everything: style, types, tests. Makes the environment if needed.
set -euo pipefail

if [ "${1:-}" = "--help" ]; then
    cat <<'TEXT'
Run ruff, mypy --strict and pytest, in an environment that is made if needed.

usage: scripts/test.sh [pytest arguments]
TEXT
    exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/ensure_venv.sh --tests
# Where a database server is missing, its tests are skipped - but not in continuous integration.
if [ "${CI:-}" = "true" ]; then
    ./scripts/install_test_servers.sh
fi
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
./scripts/build_docs.sh
# Each file runs in one worker, since servers are started once per file. Twice as many workers as two
# processors: many tests wait.
.venv/bin/pytest -n 4 --dist loadfile "$@"
