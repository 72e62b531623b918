#!/usr/bin/env bash
# Looks for known vulnerabilities in the locked requirements, writes a bill of materials, and runs scanners.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/audit.sh [--sbom-only | --scan-only] [REQUIREMENTS]

Asks the Python Packaging Advisory Database about every version in REQUIREMENTS (default:
requirements.txt, which has all that is in the image) and writes build/sbom.json, a bill of
materials of the image in CycloneDX's format. Then checkov reads the template, zizmor the workflow,
and bandit the code that is deployed. What they may overlook stands, with the reason, beside the
resource in the template, and in pyproject.toml. The tools are installed into build/audit.

  --sbom-only  ask nobody, write the bill of materials only
  --scan-only  run the scanners only; they ask nobody, either
  --help       this text

Exit status: 0 if all were looked up and nothing was found, otherwise not.
TEXT
}

fail() { printf 'audit.sh: %s\n' "$1" >&2; exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requirements=$root/requirements.txt
sbom_only=false
scan_only=false
for argument in "$@"; do
  case $argument in
    -h | --help) usage; exit 0 ;;
    --sbom-only) sbom_only=true ;;
    --scan-only) scan_only=true ;;
    -*) fail "unknown option $argument; see --help" ;;
    *) requirements=$argument ;;
  esac
done
[[ -f $requirements ]] || fail "no such file: $requirements"

"$root/scripts/ensure_venv.sh" --tests
tools=$root/build/audit
[[ -x $tools/bin/pip ]] || "$root/.venv/bin/python" -m venv "$tools"
install() { "$tools/bin/pip" install --quiet --disable-pip-version-check "$@"; }

scan() {
  install checkov==3.3.30 zizmor==1.32.0 bandit==1.9.4
  cd "$root"
  "$tools/bin/checkov" --file infra/template.yaml --framework cloudformation --compact --quiet --skip-download
  "$tools/bin/zizmor" --offline --quiet .github/workflows
  "$tools/bin/bandit" --quiet --recursive --configfile pyproject.toml extractor lambda_function.py run_sqs_batches.py
  echo "the scanners found nothing"
}

if [[ $scan_only == false ]]; then
  install pip-audit==2.9.0 cyclonedx-bom==7.1.0
  "$tools/bin/cyclonedx-py" requirements "$root/requirements-worker.txt" --output-reproducible --output-format JSON \
    --output-file "$root/build/sbom.json"
  echo "wrote build/sbom.json"
  [[ $sbom_only == false ]] || exit 0
  # The file is complete and has hashes: nothing needs to be installed to know what it means.
  # Strict, since a package that could not be looked up would otherwise count as harmless.
  "$tools/bin/pip-audit" --strict --require-hashes --disable-pip --requirement "$requirements"
fi
scan
