#!/usr/bin/env bash
# Builds the image from the real Dockerfile, without a Docker engine, and tests it.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  cat <<'TEXT'
Usage: ./scripts/test_image.sh [pytest arguments]

Installs podman, runc and mmdebstrap with apt-get if they are missing, builds the worker's image
on a stand-in for AWS's base image (a plain Debian with the same Python), and tests it under the
Lambda Runtime Interface Emulator; pushes images to a registry of its own, which is unpacked into
build/docker-registry. Takes about five minutes the first time and about two later; the images stay
in podman's storage. Needs root, and Debian or Ubuntu for the installation.
Exit status: 0 if all passed, 2 if something needed cannot be installed.
TEXT
  exit 0
fi

fail() { printf 'test_image.sh: %s\n' "$1" >&2; exit 2; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $(id -u) == 0 ]] || fail "this needs root: sudo $0"

missing=()
for program in podman runc mmdebstrap; do
  command -v "$program" >/dev/null || missing+=("$program")
done
if [[ ${#missing[@]} -gt 0 ]]; then
  command -v apt-get >/dev/null || fail "install ${missing[*]} first"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
# Unpacked only: installed, it would begin to serve on this machine.
if [[ ! -x build/docker-registry/usr/bin/docker-registry ]] && command -v apt-get >/dev/null; then
  download=$(mktemp -d)
  trap 'rm -rf "$download"' EXIT
  apt-get update -qq
  (cd "$download" && apt-get download -qq -o APT::Sandbox::User=root docker-registry)
  dpkg -x "$download"/docker-registry_*.deb build/docker-registry
  rm -rf "$download"
fi

./scripts/ensure_venv.sh --tests
exec .venv/bin/pytest tests/image "$@"
