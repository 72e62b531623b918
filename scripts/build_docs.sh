#!/usr/bin/env bash
# Build the documentation as a site and check all links in it.
set -euo pipefail

if [ "${1:-}" = "--help" ]; then
    cat <<'TEXT'
Build docs/ as a site in site/. Fails on a link to a page or heading that does not exist.
The site generator is installed in an environment of its own, build/docs, from requirements-docs.txt.

usage: scripts/build_docs.sh [--serve]

  --serve  serve the site on http://localhost:8000 and rebuild it when a page changes
TEXT
    exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/ensure_venv.sh
[[ -x build/docs/bin/pip ]] || .venv/bin/python -m venv build/docs
build/docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
if [ "${1:-}" = "--serve" ]; then
    exec build/docs/bin/zensical serve
fi
build/docs/bin/zensical build --strict --clean
