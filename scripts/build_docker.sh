#!/usr/bin/env bash
# Build the container image of the worker.
set -euo pipefail

usage() {
    cat <<'TEXT'
Build the container image of the worker.

usage: scripts/build_docker.sh [--tag NAME:TAG] [--platform linux/amd64|linux/arm64] [--base IMAGE]

  --tag NAME:TAG     name of the image (default: oriane-frame-extractor:<git commit>)
  --platform P       architecture (default: that of this machine)
  --base IMAGE       base image (default: that of the Dockerfile)
  --help             this text

Needs Docker, or a program that answers to the same name.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tag="oriane-frame-extractor:$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo latest)"
arguments=()
while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h) usage; exit 0 ;;
        --tag | --platform | --base)
            [ $# -ge 2 ] || { echo "build_docker.sh: $1 needs a value" >&2; exit 2; } ;;&
        --tag) tag=$2; shift 2 ;;
        --platform) arguments+=(--platform "$2"); shift 2 ;;
        --base) arguments+=(--build-arg "BASE_IMAGE=$2"); shift 2 ;;
        *) echo "build_docker.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

command -v docker >/dev/null || { echo "build_docker.sh: there is no docker on this machine" >&2; exit 1; }
# Lambda takes plain images only: no attestation manifests beside them.
docker build --provenance=false ${arguments[@]+"${arguments[@]}"} --tag "$tag" "$root"
echo "built $tag"
