#!/usr/bin/env bash
# Creates or updates the AWS stack of infra/template.yaml, through a change set that is shown first.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/deploy.sh --image-uri URI --supabase-url URL --supabase-secret-arn ARN [options]
       ./scripts/deploy.sh [options]        (a stack that is there: only what should change)

Creates or updates the stack of infra/template.yaml. Shows first what would change, and asks.
A parameter that is not given keeps its value; in a new stack, it has its default.

  --image-uri URI            the image in ECR, with a tag or digest (scripts/build_docker.sh makes it)
  --supabase-url URL         https://PROJECT.supabase.co
  --supabase-secret-arn ARN  the secret in Secrets Manager that holds the Supabase key
  --state-backend NAME       supabase (default) or dynamodb
  --videos-bucket NAME       an existing bucket with the videos (default: a new one)
  --frames-bucket NAME       an existing bucket for the frames (default: a new one)
  --alarm-topic-arn ARN      the SNS topic that alarms are sent to
  --memory MB                memory of the function (default: 2048)
  --timeout SECONDS          60, 120, 180, 300, 600 or 900 (default: 900)
  --set NAME=VALUE           any setting of docs/reference/settings.md, such as FRAME_INTERVAL=2; an empty VALUE
                             is the setting's default
  --parameter NAME=VALUE     any parameter of the template; docs/howto/deploy.md explains them
  --tag KEY=VALUE            a tag of the stack and of everything in it
  --stack NAME               name of the stack (default: frame-extractor)
  --region REGION            default: AWS_REGION, or the region of the AWS profile
  --yes                      do not ask
  --help                     this text

Needs AWS credentials that may change the stack, as for the AWS CLI, which need not be installed. The first run
installs the Python packages into .venv. The stack creates the function's role. To keep a role of your own
instead, see in docs/howto/migrate.md which permissions an older one lacks.
Exit status: 0 if the stack is up to date, also if nothing had to change; 1 if it failed or was declined;
2 for wrong usage; 130 after Ctrl-C, which discards a change that was not confirmed, and stops no other.
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
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m infra.deploy "$@"
