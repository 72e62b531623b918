#!/usr/bin/env bash
# Extracts frames on this machine the way it happens on AWS, without an AWS account.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/demo.sh [--out DIR] [VIDEO …]

Starts an embedded S3 and SQS on this machine, uploads the videos, fills the queue
with run_sqs_batches.py, lets the Lambda handler empty it, shows a notification that
arrives, exports the frames as a data set, and writes DIR/index.html with every
extracted frame.

  VIDEO      videos of your own; without any, six short clips and a longer one
             are made
  --out DIR  where the result goes (default: demo-output)
  --help     this text

Paths are relative to the folder that you call this from. The first run installs the
Python packages into .venv. Exit status: 0 if every video ended as it should, 1 if one
did not, 2 if the demo could not run, 130 after Ctrl-C.
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
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m local.demo "$@"
