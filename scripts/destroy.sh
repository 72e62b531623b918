#!/usr/bin/env bash
# Takes the AWS stack down. Its buckets and its table stay.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/destroy.sh [--stack NAME] [--region REGION] [--yes]

Deletes the stack that scripts/deploy.sh made: the function, both queues with the messages in them, the
role, the logs, the alarms and the dashboard. The buckets and the table stay, with all that is in them.

  --stack NAME     name of the stack (default: frame-extractor)
  --region REGION  default: that of the AWS CLI
  --yes            do not ask
  --help           this text

Exit status: 0 if the stack is gone; 1 if it failed or was declined; 2 for wrong usage.
TEXT
}

fail() { printf 'destroy.sh: %s\n' "$1" >&2; exit "${2:-1}"; }

stack=frame-extractor
ask=true
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --yes) ask=false; shift ;;
    --stack | --region)
      [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value" 2
      if [[ $1 == --stack ]]; then stack=$2; else export AWS_REGION=$2 AWS_DEFAULT_REGION=$2; fi
      shift 2 ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
done
command -v aws >/dev/null ||
  fail "the AWS CLI is not installed; see https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
export AWS_PAGER=

resources_of_type() { # TYPE…: the names of those that the stack has
  local type
  for type in "$@"; do
    aws cloudformation list-stack-resources --stack-name "$stack" --output text \
      --query "StackResourceSummaries[?ResourceType=='$type' && ResourceStatus!='DELETE_COMPLETE'].[PhysicalResourceId]"
  done
}

status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text) ||
  fail "there is no stack $stack to be seen here; AWS's message is above"
kept=$(resources_of_type AWS::S3::Bucket AWS::DynamoDB::Table) || fail "AWS does not tell what the stack consists of"
queues=$(resources_of_type AWS::SQS::Queue) || fail "AWS does not tell what the stack consists of"

printf 'The stack %s (%s) will be deleted.\n' "$stack" "$status"
for queue in $queues; do
  messages=$(aws sqs get-queue-attributes --queue-url "$queue" --output text \
    --attribute-names ApproximateNumberOfMessages ApproximateNumberOfMessagesNotVisible \
    --query 'sum(Attributes.*.to_number(@))') || messages='an unknown number of'
  printf '  with the queue %s and %s messages in it\n' "$queue" "${messages%.0}"
done
for name in $kept; do printf '  without %s, which stays\n' "$name"; done

if [[ $ask == true ]]; then
  read -r -p "Type the name of the stack to delete it: " answer || answer=''
  [[ $answer == "$stack" ]] || fail "declined; nothing was changed"
fi
aws cloudformation delete-stack --stack-name "$stack" || fail "AWS does not delete the stack; its message is above"
if ! aws cloudformation wait stack-delete-complete --stack-name "$stack" 2>/dev/null; then
  aws cloudformation list-stack-resources --stack-name "$stack" --output text \
    --query "StackResourceSummaries[?ResourceStatus=='DELETE_FAILED'].[LogicalResourceId, ResourceStatusReason]" >&2 || true
  fail "the stack is not gone yet; repair the reasons above, if there are any, and run this again"
fi
printf 'The stack %s is gone.\n' "$stack"
if [[ -n $kept ]]; then
  printf 'To use what stayed in a new stack, name it: --videos-bucket, --frames-bucket, --parameter VideosTable=NAME\n'
fi
