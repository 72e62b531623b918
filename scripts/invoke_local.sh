#!/usr/bin/env bash
# Sends one event to the function under AWS's own Lambda emulator, on this machine.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/invoke_local.sh [options] [VIDEO | CODE]

Runs the function under the Lambda Runtime Interface Emulator and sends it one event:
in its image where Docker or podman answers, otherwise in the project's own Python
environment. S3, SQS and the state are embedded ones with the video, unless --aws is given.

  VIDEO                  a video file of yours
  CODE                   a code; a sample video lies under it (default: sample)
  --event FILE           send this JSON instead of {"code": CODE}
  --out DIR              keep the frames in DIR, with a page that shows them; a desktop opens it
  --aws                  the real S3, SQS and state, as .env in this folder names them
  --timeout SECONDS      the function is killed after so long (default: 900)
  --memory MB            of the function (default: 2048); enforced in Docker only
  --docker, --no-docker  insist on one of the two ways
  --image NAME           an image that is there already; without it, it is built
  --help                 this text

The answer goes to standard output, the logs to standard error. The emulator comes from a
pinned package on PyPI and is kept in build/. Exit status: 0 if all is done; 1 if the function
failed or timed out, or answered that a video failed; 2 if it could not be run; 130 after Ctrl-C.
TEXT
}

for argument in "$@"; do
  case $argument in
    -h | --help)
      usage
      exit 0
      ;;
    --) break ;;
  esac
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/ensure_venv.sh"

# -P keeps Python from importing whatever lies in the folder that this was called from.
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m local.invoke "$@"
