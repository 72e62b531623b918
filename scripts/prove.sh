#!/usr/bin/env bash
# The whole proof of what is_extracted promises: see docs/explanation/proof.md.
set -euo pipefail

if [ "${1:-}" = "--help" ]; then
    cat <<'TEXT'
Break everything that can break: each effect of a run in each way, thousands of schedules, a thousand
invocations in one process.

usage: scripts/prove.sh
TEXT
    exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/ensure_venv.sh --tests
.venv/bin/python -m tests.proof crash
.venv/bin/python -m tests.proof simulate
.venv/bin/python -m tests.proof warm
