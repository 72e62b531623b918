#!/usr/bin/env bash
# Creates or updates the AWS stack of infra/template.yaml, through a change set that is shown first.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/deploy.sh --image-uri URI --supabase-url URL --supabase-secret-arn ARN [options]
       ./scripts/deploy.sh [options]        (a stack that is there: only what should change)

Creates the stack of infra/template.yaml, or updates it. Shows first what would change, and asks.
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
  --region REGION            default: that of the AWS CLI
  --yes                      do not ask
  --help                     this text

Needs the AWS CLI, version 1 or 2, with credentials that may change the stack. The stack makes the
function's role. To keep a role of your own instead, see what an older one lacks in docs/howto/migrate.md.
Exit status: 0 if the stack is as wanted, also if nothing had to change; 1 if it failed or was
declined; 2 for wrong usage; 130 after Ctrl-C, which drops what was not agreed to yet, and no more.
TEXT
}

fail() { printf 'deploy.sh: %s\n' "$1" >&2; exit "${2:-1}"; }

# The parameter of the template that passes a setting on: FRAME_INTERVAL is FrameInterval.
parameter_of() {
  case $1 in
    S3_BUCKET_VIDEOS | VIDEOS_BUCKET) printf 'VideosBucket' ;;
    S3_BUCKET_FRAMES | FRAMES_BUCKET) printf 'FramesBucket' ;;
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE) printf 'MemoryMb' ;;
    TMP_DIR) printf 'WorkDir' ;;
    BUCKET_NAME) fail "BUCKET_NAME names two buckets here: set S3_BUCKET_VIDEOS and S3_BUCKET_FRAMES" 2 ;;
    SUPABASE_KEY | SUPABASE_TOKEN) fail "$1 is a secret: put it into Secrets Manager, and set SUPABASE_KEY_SECRET_ARN" 2 ;;
    SQS_QUEUE_URL | DEAD_LETTER_QUEUE_URL) fail "$1 is a queue that the stack makes" 2 ;;
    SQLITE_PATH) fail "$1 is for runs on one machine" 2 ;;
    *[!A-Z0-9_]* | '') fail "--set takes NAME=VALUE, and $1 is no name of a setting" 2 ;;
    *) printf '%s' "$1" | awk -F_ '{ for (i = 1; i <= NF; i++) printf "%s%s", toupper(substr($i, 1, 1)), tolower(substr($i, 2)) }' ;;
  esac
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
template=file://$root/infra/template.yaml
stack=frame-extractor
given=() # NAME=VALUE
settings=() # PARAMETER=SETTING, of those in `given` that came with --set
tags=()  # KEY=VALUE
ask=true

while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --yes) ask=false; shift; continue ;;
    --*) ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
  [[ $# -ge 2 ]] || fail "$1 needs a value, or is unknown; see --help" 2
  [[ -n $2 ]] || fail "the value of $1 is empty; see --help" 2
  case $1 in
    --image-uri) given+=("ImageUri=$2") ;;
    --supabase-url) given+=("SupabaseUrl=$2") ;;
    --supabase-secret-arn) given+=("SupabaseKeySecretArn=$2") ;;
    --state-backend) given+=("StateBackend=$2") ;;
    --videos-bucket) given+=("VideosBucket=$2") ;;
    --frames-bucket) given+=("FramesBucket=$2") ;;
    --alarm-topic-arn) given+=("AlarmTopicArn=$2") ;;
    --memory) given+=("MemoryMb=$2") ;;
    --timeout) given+=("TimeoutSeconds=$2") ;;
    --set)
      [[ $2 == ?*=* ]] || fail "--set takes NAME=VALUE" 2
      name=$(parameter_of "${2%%=*}") || exit
      given+=("$name=${2#*=}") settings+=("$name=${2%%=*}")
      ;;
    --parameter) [[ $2 == ?*=* ]] || fail "--parameter takes NAME=VALUE" 2; given+=("$2") ;;
    --tag) [[ $2 == ?*=* ]] || fail "--tag takes KEY=VALUE" 2; tags+=("$2") ;;
    --stack) stack=$2 ;;
    --region) export AWS_REGION=$2 AWS_DEFAULT_REGION=$2 ;;
    *) fail "unknown option $1; see --help" 2 ;;
  esac
  shift 2
done

# The names of the new buckets begin with that of the stack, and may have 63 characters.
[[ $stack =~ ^[a-z][a-z0-9-]{0,25}$ ]] ||
  fail "the stack's name must be 1 to 26 lower-case letters, digits and hyphens, the first a letter" 2
command -v aws >/dev/null ||
  fail "the AWS CLI is not installed; see https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
export AWS_PAGER=

cloudformation() { aws cloudformation "$@"; }

# CREATE_COMPLETE and the like; nothing if there is no such stack. Anything but that answer is an error.
stack_status() {
  local answer
  if answer=$(cloudformation describe-stacks --stack-name "$stack" \
    --query 'Stacks[0].StackStatus' --output text 2>&1); then
    printf '%s' "$answer"
  elif [[ $answer != *"does not exist"* ]]; then
    fail "AWS does not tell about the stack $stack: $answer"
  fi
}

value_of() { # NAME, out of the entries after it; the last one counts
  local name=$1 entry value='' found=1
  shift
  for entry in "$@"; do
    if [[ ${entry%%=*} == "$name" ]]; then
      value=${entry#*=} found=0
    fi
  done
  printf '%s' "$value"
  return "$found"
}

json_string() {
  [[ $1 != *[[:cntrl:]]* ]] || fail "a value has a control character in it" 2
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# The template's parameters as JSON: given, or kept as they are, or left to their defaults.
parameters_json() {
  local known kept name setting value separator=''
  known=$(cloudformation get-template-summary --template-body "$template" \
    --query 'Parameters[].ParameterKey' --output text) || fail "AWS does not accept the template"
  kept=''
  if [[ $kind == UPDATE ]]; then
    kept=$(cloudformation describe-stacks --stack-name "$stack" \
      --query 'Stacks[0].Parameters[].ParameterKey' --output text) || fail "AWS does not tell the parameters of $stack"
  fi
  for name in ${given[@]+"${given[@]%%=*}"}; do
    [[ " ${known//[[:space:]]/ } " == *" $name "* ]] && continue
    setting=$(value_of "$name" ${settings[@]+"${settings[@]}"}) && fail "there is no setting $setting; see docs/reference/settings.md" 2
    fail "the template has no parameter $name" 2
  done
  printf '['
  for name in $known; do
    if value=$(value_of "$name" ${given[@]+"${given[@]}"}); then
      value=$(json_string "$value") || exit
      printf '%s{"ParameterKey": "%s", "ParameterValue": %s}' "$separator" "$name" "$value"
    elif [[ " ${kept//[[:space:]]/ } " == *" $name "* ]]; then
      printf '%s{"ParameterKey": "%s", "UsePreviousValue": true}' "$separator" "$name"
    else
      continue
    fi
    separator=', '
  done
  printf ']'
}

tags_json() {
  local entry key value separator=''
  printf '['
  for entry in ${tags[@]+"${tags[@]}"}; do
    key=$(json_string "${entry%%=*}") || exit
    value=$(json_string "${entry#*=}") || exit
    printf '%s{"Key": %s, "Value": %s}' "$separator" "$key" "$value"
    separator=', '
  done
  printf ']'
}

stuck() { # what to do about an update that failed, and whose going back failed, too
  printf '%s' "the stack $stack is stuck half way (UPDATE_ROLLBACK_FAILED): repair the cause, then" \
    " aws cloudformation continue-update-rollback --stack-name $stack, and deploy again"
}

status=$(stack_status)
case $status in
  '' | REVIEW_IN_PROGRESS) kind=CREATE ;;
  CREATE_FAILED | ROLLBACK_COMPLETE | ROLLBACK_FAILED | DELETE_FAILED)
    fail "the stack $stack is left over from something that failed ($status); remove it with scripts/destroy.sh first" ;;
  UPDATE_ROLLBACK_FAILED) fail "$(stuck)" ;;
  *_IN_PROGRESS) fail "the stack $stack is being changed already ($status); try again when that is over" ;;
  *) kind=UPDATE ;;
esac
if [[ $kind == CREATE ]]; then
  value_of ImageUri ${given[@]+"${given[@]}"} >/dev/null || fail "a new stack needs --image-uri; see --help" 2
fi
parameters=$(parameters_json)

change_set=deploy-$(date -u +%Y%m%d-%H%M%S)-$$
arguments=(--stack-name "$stack" --change-set-name "$change_set")

discard() {
  cloudformation delete-change-set "${arguments[@]}" >/dev/null || true
  # A stack of which there is nothing but a change set stays behind, empty.
  if [[ $kind == CREATE && $(stack_status) == REVIEW_IN_PROGRESS ]]; then
    cloudformation delete-stack --stack-name "$stack" || true
  fi
}

# Why the change failed: what its own events say, without those that the first failure caused.
failed_events() {
  cloudformation describe-stack-events --stack-name "$stack" --output text --query "reverse(StackEvents[? \
    ClientRequestToken == '$change_set' && contains(ResourceStatus, 'FAILED') && \
    !contains(not_null(ResourceStatusReason, ''), 'cancelled')])[].[LogicalResourceId, ResourceStatusReason]"
}

# After waiting in vain: what became of the change, and what to do now.
report_failure() {
  local status remove="scripts/destroy.sh --stack $stack"
  status=$(stack_status)
  case $status in
    CREATE_COMPLETE | UPDATE_COMPLETE | UPDATE_COMPLETE_CLEANUP_IN_PROGRESS) return ;; # only the waiting failed
    *_IN_PROGRESS) fail "AWS still works on it ($status); deploy again later to see what became of it" ;;
  esac
  failed_events >&2 || true
  case $status in
    UPDATE_ROLLBACK_COMPLETE) fail "the change failed, and all is as before; the reasons are above" ;;
    UPDATE_ROLLBACK_FAILED) fail "$(stuck)" ;;
    *) fail "the stack could not be made ($status); repair the reasons above, run $remove, and deploy again" ;;
  esac
}

create=(--change-set-type "$kind" --template-body "$template" --capabilities CAPABILITY_IAM --parameters "$parameters")
if [[ ${#tags[@]} -gt 0 ]]; then # without the option, a stack keeps its tags
  labels=$(tags_json)
  create+=(--tags "$labels")
fi
trap 'discard; fail "interrupted; nothing was changed" 130' INT TERM
printf 'Asking AWS what would change in the stack %s …\n' "$stack"
if reason=$(cloudformation create-change-set "${arguments[@]}" "${create[@]}" 2>&1); then
  reason=''
  if ! aws cloudformation wait change-set-create-complete "${arguments[@]}" 2>/dev/null; then
    reason=$(cloudformation describe-change-set "${arguments[@]}" --query StatusReason --output text)
    discard
  fi
fi
case $reason in
  '') ;;
  *"didn't contain changes"* | *"No updates are to be performed"*) printf 'Nothing has to change.\n'; kind=NONE ;;
  *) fail "the change is not possible: $reason" ;;
esac

if [[ $kind != NONE ]]; then
  cloudformation describe-change-set "${arguments[@]}" --output table \
    --query 'Changes[].ResourceChange.{"1 Action": Action, "2 Resource": LogicalResourceId, "3 Type": ResourceType, "4 Replaced": Replacement}'
  if [[ $ask == true ]]; then
    # In a shell of its own, whose end Ctrl-C is whenever it comes: the trap alone may be set off before the
    # reading has begun, and would then wait for an answer.
    answer=$(read -r -p "Do this? [y/N] " line && printf '%s' "$line") || answer=''
    if [[ $answer != [yY]* ]]; then
      discard
      fail "declined; nothing was changed"
    fi
  fi
  printf 'Working (a few minutes) …\n'
  trap 'fail "interrupted; the change goes on at AWS. To see how it does, deploy again" 130' INT TERM
  # What fails at first leaves nothing behind, not even the buckets, which have nothing in them then.
  cloudformation execute-change-set "${arguments[@]}" --client-request-token "$change_set" --retain-except-on-create ||
    fail "AWS does not begin the change; its message is above"
  if [[ $kind == CREATE ]]; then done_when='stack-create-complete'; else done_when='stack-update-complete'; fi
  # Without the function: what a trap says during it would be thrown away, too.
  aws cloudformation wait "$done_when" --stack-name "$stack" 2>/dev/null || report_failure
fi
trap - INT TERM

topic=$(cloudformation describe-stacks --stack-name "$stack" --output text \
  --query "Stacks[0].Parameters[?ParameterKey=='AlarmTopicArn'].ParameterValue") || topic='?'
outputs=() # NAME=VALUE
while IFS=$'\t' read -r name value; do outputs+=("$name=$value"); done < <(
  cloudformation describe-stacks --stack-name "$stack" --output text \
    --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]'
)
output() { value_of "$1" ${outputs[@]+"${outputs[@]}"}; }

printf '\nThe stack %s is as wanted:\n' "$stack"
for entry in ${outputs[@]+"${outputs[@]}"}; do printf '  %-20s %s\n' "${entry%%=*}" "${entry#*=}"; done

printf '\nNext:\n'
if notification=$(output BucketNotification); then
  cat <<TEXT
  Tell your bucket to announce its videos (this replaces the notifications that it has):
    aws s3api put-bucket-notification-configuration --bucket $(output VideosBucketName) \\
      --notification-configuration '$notification'
TEXT
fi
cat <<TEXT
  Try one video:
    aws lambda invoke --function-name $(output FunctionName) --cli-binary-format raw-in-base64-out \\
      --payload '{"code": "CODE"}' /dev/stdout
  Queue the backlog:
    SQS_QUEUE_URL=$(output QueueUrl) ./run_sqs_batches.py --dry-run
  Watch: $(output DashboardUrl)
TEXT
if [[ -z $topic ]]; then
  printf '  Alarms: they have no recipient yet; set an SNS topic with --alarm-topic-arn\n'
fi
