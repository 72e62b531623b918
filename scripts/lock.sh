#!/usr/bin/env bash
# Pin the requirements: pyproject.toml and *.in (what we ask for) to *.txt (exact versions with hashes).
set -euo pipefail

usage() {
    cat <<'TEXT'
Turn the dependencies in pyproject.toml, with all extras, into requirements.txt (what people
install), and each requirements*.in into a .txt file, with exact versions and hashes for Python
3.11 and later on every platform: -worker (the part of requirements.txt that is in the image),
-demo, -dev and -bench (each on top of those before it), -docs (what builds the
documentation), -tools (what installs them). Then check that the image can be built: everything in requirements-worker.txt
has a wheel for its Python and its C library, on x86-64 and on arm64. That downloads no packages.

usage: scripts/lock.sh [--upgrade | --check]

  --upgrade  the newest versions, not those that are pinned already
  --check    change nothing, only check
TEXT
}

case "${1:-}" in
    --help | -h) usage; exit 0 ;;
    '' | --upgrade | --check) ;;
    *) echo "lock.sh: unknown argument $1; see --help" >&2; exit 2 ;;
esac

# Those of AWS's base image for Python 3.13, which is an Amazon Linux 2023.
image_python=3.13
image_library=manylinux_2_34

cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/ensure_venv.sh --tests

if [[ ${1:-} != --check ]]; then
    lock() {
        .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
            --no-emit-index-url "$@"
    }
    lock "$@" pyproject.toml --extra all --output-file requirements.txt
    lock "$@" requirements-worker.in --constraint requirements.txt --output-file requirements-worker.txt
    for name in requirements-{demo,dev,bench,docs,tools}; do
        lock "$@" "$name.in" --output-file "$name.txt"
    done
    echo "the requirements are locked; now run ./scripts/licences.sh, which lists what they are licensed under"
fi

for machine in x86_64 aarch64; do
    .venv/bin/uv pip install --quiet --dry-run --no-deps --only-binary :all: --require-hashes --target build/wheels \
        --python-version "$image_python" --python-platform "$machine-$image_library" -r requirements-worker.txt
    echo "everything has a wheel for $machine"
done
