#!/usr/bin/env bash
# Deletes the AWS stack. Its buckets and its table stay.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/destroy.sh [--stack NAME] [--region REGION] [--yes]

Deletes the stack that scripts/deploy.sh made: the function, both queues with the messages in them, the
role, the logs, the alarms and the dashboard. The buckets and the table stay, with all that is in them.

  --stack NAME     name of the stack (default: frame-extractor)
  --region REGION  default: AWS_REGION, or the region of the AWS profile
  --yes            do not ask
  --help           this text

Exit status: 0 if the stack is deleted; 1 if that failed or was declined; 2 for wrong usage; 130 after Ctrl-C.
TEXT
}

for argument in "$@"; do
  case $argument in
    -h | --help)
      usage
      exit 0
      ;;
  esac
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/ensure_venv.sh"

# -P keeps Python from importing whatever lies in the folder that this was called from.
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m infra.destroy "$@"
