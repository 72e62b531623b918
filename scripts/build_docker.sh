#!/usr/bin/env bash
# Builds the worker's container image; tests it and pushes it to ECR if asked to.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/build_docker.sh [options]

Builds the container image of the worker with Docker, or with podman where Docker does not answer.
Stops at the first error; nothing is pushed that did not pass what was asked for.

  --tag NAME:TAG     name of the image (default: video-frames-extractor:<git commit>, with the platform if one is given)
  --platform P       linux/amd64 or linux/arm64 (default: that of this machine)
  --base IMAGE       base image (default: that of the Dockerfile)
  --engine NAME      docker or podman (default: the first of them that answers)
  --test             run the image's own Lambda emulator on a sample video
  --push             push to ECR, in the account and region of the caller's credentials; the
                     repository NAME is created if it is not there (immutable tags, scan on push)
  --help             this text

The default tag is the commit, with -dirty if there are changes that are not committed, which --push
refuses. --push prints the URI for scripts/deploy.sh as the last line; it needs the AWS CLI. A commit
that is in ECR already is neither built nor pushed again; a --tag that is there already is refused.
Exit status: 0 if all went well, 1 if something failed, 2 for wrong usage.
TEXT
}

fail() { printf 'build_docker.sh: %s\n' "$1" >&2; exit "${2:-1}"; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
revision=$(git -C "$root" rev-parse --verify --quiet HEAD 2>/dev/null || echo unknown)
version=${revision:0:12}
# A file that git does not know yet would go into the image, too.
[[ $revision == unknown || -z $(git -C "$root" status --porcelain) ]] || version+=-dirty
tag=''
platform=''
arguments=()
engines=(docker podman)
test=false
push=false

while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --test) test=true; shift; continue ;;
    --push) push=true; shift; continue ;;
    --tag | --platform | --base | --engine) [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value; see --help" 2 ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
  case $1 in
    --tag) tag=$2 ;;
    --platform) platform=$2 ;;
    --base) arguments+=(--build-arg "BASE_IMAGE=$2") ;;
    --engine)
      [[ $2 == docker || $2 == podman ]] || fail "--engine must be docker or podman" 2
      engines=("$2")
      ;;
  esac
  shift 2
done

[[ -n $tag ]] && own_tag=true || own_tag=false
[[ $own_tag == true ]] || tag=video-frames-extractor:$version${platform:+-${platform#linux/}}
[[ $tag =~ ^[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9_][A-Za-z0-9._-]*$ ]] || fail "--tag must be NAME:TAG" 2
case $platform in
  '') ;;
  linux/amd64 | linux/arm64) arguments+=(--platform "$platform") ;;
  *) fail "--platform must be linux/amd64 or linux/arm64" 2 ;;
esac

if [[ $push == true ]]; then # check all preconditions before the build
  if [[ $own_tag == false ]]; then
    [[ $version != unknown ]] || fail "git does not tell the commit: give a --tag of your own"
    [[ $version != *-dirty ]] || fail "some changes are not committed: commit them first, or give a --tag of your own"
  fi
  command -v aws >/dev/null || fail "--push needs the AWS CLI"
  export AWS_PAGER=
  account=$(aws sts get-caller-identity --query Account --output text) || fail "AWS does not accept the credentials"
  region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
  [[ -n $region ]] || fail "no AWS region is set; set AWS_REGION"
  [[ $region == cn-* ]] && domain=amazonaws.com.cn || domain=amazonaws.com
  registry=$account.dkr.ecr.$region.$domain
  repository=${tag%%:*}
  uri=$registry/$tag
  new_repository=false
  # Tags there cannot be changed. Only the answers that repository or tag are not there are a reason to go on.
  if answer=$(aws ecr describe-images --region "$region" --repository-name "$repository" \
    --image-ids "imageTag=${tag#*:}" 2>&1); then
    [[ $own_tag == false ]] || fail "$uri is there already, and a tag in ECR cannot be changed: give another --tag"
    echo "this commit is in ECR already; nothing was built or pushed (another --tag does it again)"
    echo "$uri"
    exit 0
  fi
  case $answer in
    *RepositoryNotFoundException*) new_repository=true ;;
    *ImageNotFoundException*) ;;
    *) fail "AWS does not tell about the repository: $answer" ;;
  esac
fi

engine=''
for candidate in "${engines[@]}"; do
  if "$candidate" info >/dev/null 2>&1; then
    engine=$candidate
    break
  fi
done
[[ -n $engine ]] || fail "no answer from ${engines[*]}: install Docker (https://docs.docker.com/engine/install/) or podman, and start it"
# Lambda takes plain images only: no attestation manifests beside them, and Docker's own format.
case $engine in
  docker) arguments+=(--provenance=false) ;;
  podman) arguments+=(--format docker) ;;
esac

"$engine" build ${arguments[@]+"${arguments[@]}"} --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
  --tag "$tag" "$root"
echo "built $tag"

if [[ $test == true ]]; then
  "$root/scripts/invoke_local.sh" --docker --image "$tag" --timeout 120
  echo "tested $tag"
fi

if [[ $push == true ]]; then
  if [[ $new_repository == true ]]; then
    aws ecr create-repository --region "$region" --repository-name "$repository" \
      --image-tag-mutability IMMUTABLE --image-scanning-configuration scanOnPush=true >/dev/null
    echo "created the repository $repository"
  fi
  aws ecr get-login-password --region "$region" | "$engine" login --username AWS --password-stdin "$registry"
  "$engine" tag "$tag" "$uri"
  "$engine" push "$uri"
  if [[ $("$engine" image inspect --format '{{.Architecture}}' "$tag") == arm64 ]]; then
    echo "this image is for arm64: deploy it with --parameter Architecture=arm64"
  fi
  echo "$uri"
fi
