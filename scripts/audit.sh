#!/usr/bin/env bash
# Looks for known vulnerabilities in the locked requirements, writes a bill of materials, and runs scanners.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/audit.sh [--sbom-only | --scan-only] [REQUIREMENTS]

Asks the Python Packaging Advisory Database about every version in REQUIREMENTS (default:
requirements.txt, which has all that is in the image) and writes build/sbom.json, a bill of
materials of the image in CycloneDX's format. Then checkov reads the template, zizmor the workflow,
and bandit the code that is deployed. Accepted findings are listed, with the reason, beside the
resource in the template, and in pyproject.toml. The tools are installed into build/audit.

  --sbom-only  write the bill of materials only
  --scan-only  run the scanners only
  --help       this text

Everything runs to its end, whatever one of them finds. Exit status: 0 if all was looked up and nothing
was found, 1 if something was found or could not be looked up, 2 for wrong usage.
TEXT
}

fail() { printf 'audit.sh: %s\n' "$1" >&2; exit "${2:-2}"; }

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

# checkov and pip-audit need different versions of one package, so each group has an environment of its own.
install() { # FOLDER PACKAGE…
  local folder=$root/build/audit/$1
  shift
  [[ -x $folder/bin/pip ]] || "$root/.venv/bin/python" -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
}

write_sbom() {
  install packages pip-audit==2.9.0 cyclonedx-bom==7.1.0
  "$root/build/audit/packages/bin/cyclonedx-py" requirements "$root/requirements-worker.txt" --output-reproducible \
    --output-format JSON --output-file "$root/build/sbom.json"
  echo "wrote build/sbom.json"
}

# The file is complete and has hashes: nothing needs to be installed to know what it means.
# Strict, since a package that could not be looked up would otherwise count as harmless.
look_up() {
  "$root/build/audit/packages/bin/pip-audit" --strict --require-hashes --disable-pip --requirement "$requirements"
}

scan() {
  local tools=$root/build/audit/scanners/bin found=0
  install scanners checkov==3.3.30 zizmor==1.32.0 bandit==1.9.4
  cd "$root"
  "$tools/checkov" --file infra/template.yaml --framework cloudformation --compact --quiet --skip-download || found=1
  "$tools/zizmor" --offline --quiet .github/workflows || found=1
  "$tools/bandit" --quiet --recursive --configfile pyproject.toml extractor lambda_function.py run_sqs_batches.py || found=1
  [[ $found == 0 ]] || fail "the scanners found something; see above" 1
  echo "the scanners found nothing"
}

status=0
if [[ $scan_only == false ]]; then
  write_sbom
  [[ $sbom_only == false ]] || exit 0
  look_up || status=1
fi
scan
exit "$status"
