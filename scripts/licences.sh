#!/usr/bin/env bash
# Writes docs/reference/licences.md: the licences of what the image holds, from the installed packages themselves.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/licences.sh [--check]

Writes docs/reference/licences.md, from the metadata of the packages in requirements-worker.txt as they are installed
in .venv, and from what the FFmpeg among them says of itself. Run it after scripts/lock.sh --upgrade.
The tool, pip-licenses, is installed into build/licences.

  --check  write nothing; exit status 1 if docs/reference/licences.md would change
  --help   this text
TEXT
}

fail() { printf 'licences.sh: %s\n' "$1" >&2; exit 2; }

check=false
for argument in "$@"; do
  case $argument in
    -h | --help) usage; exit 0 ;;
    --check) check=true ;;
    *) fail "unknown argument $argument; see --help" ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/ensure_venv.sh --tests
python=.venv/bin/python
tools=build/licences
[[ -x $tools/bin/pip ]] || "$python" -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check pip-licenses==5.5.5

mapfile -t packages < <(grep --only-matching --extended-regexp '^[a-z0-9-]+==' requirements-worker.txt | tr --delete = | sort --unique)
site_packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
ffmpeg=$("$python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')

# The libraries that FFmpeg was configured with.
configured() {
  "$ffmpeg" -hide_banner -buildconf | sed --quiet --regexp-extended 's/.*--enable-(lib[a-z0-9-]+).*/\1/p' | sort | listed
}

# The shared libraries that the wheel of a package brings along in <package>.libs.
bundled() {
  find "$site_packages/$1.libs" -name '*.so*' -printf '%f\n' | sed --regexp-extended 's/[-_]+[0-9a-f]{8}.*//' | sort --unique | listed
}

listed() { paste --serial --delimiters ' '; }

page() {
  cat <<'TEXT'
# Licences of the image's contents

Written by `./scripts/licences.sh` from the installed packages; do not edit. This project itself is under the
MIT licence (`LICENSE`). The versions are those of `requirements-worker.txt`; `./scripts/audit.sh --sbom-only` writes a bill of materials with them.
The contents of the base image (Amazon Linux, Python, Lambda's runtime client) are not listed; see AWS.

This is an inventory, not legal advice.

## FFmpeg

`imageio-ffmpeg` is under a BSD licence; **the program `ffmpeg` that it contains is not**. It is built with `--enable-gpl --enable-version3`, with x264, x265
and other libraries under the GPL, and states:

TEXT
  "$ffmpeg" -hide_banner -L | head -n 4 | sed 's/^/> /'
  cat <<'TEXT'

Consequences:

- **The GPL has no conditions for running the program.** If you build the image and run it in your own account, you distribute nothing.
- **It has conditions for distributing the image**, such as giving it to a customer or publishing it in a registry. Sections 4 to 6 of the GPL apply to the FFmpeg in it: include its
  licence text and notices, and the complete corresponding source of this binary with its build scripts, or a way to get it that the licence allows.
  `ffmpeg -version` prints the version; the manifests contain it, too. The source being on a third party's server does not fulfil this condition.
- **This project's own code stays under MIT.** It starts FFmpeg as a separate program, with arguments and pipes, and does not link to it.
- **Patents are independent of this.** H.264, HEVC and AAC are covered by patent pools in some countries, whatever the copyright licence is.
- To distribute an image without the GPL, add an LGPL build of FFmpeg, set `FFMPEG_BINARY` to it, and delete the other one. FFmpeg's decoders are not under
  the GPL; WebP needs a build with `libwebp`, tone mapping one with `libzimg`. This has not been tested.

TEXT
  printf 'The libraries that this FFmpeg (for x86-64) is built with: %s.\n' "$(configured)"
  cat <<'TEXT'

## Python packages

As stated in the metadata of each package.

TEXT
  "$tools/bin/pip-licenses" --python "$python" --packages "${packages[@]}" --no-version --with-urls --from mixed --format markdown \
    | sed --regexp-extended 's/ +\|/ |/g; s/-{3,}/---/g'
  cat <<'TEXT'

certifi, and tqdm in part, are under the MPL 2.0 (weak copyleft). Their files are not modified.

## Libraries inside the packages

The wheels for Linux x86-64 carry these shared libraries (those for arm64 much the same):

| Package | Libraries |
|---|---|
TEXT
  for package in numpy opencv_python_headless; do
    printf '| %s | %s |\n' "${package//_/-}" "$(bundled "$package")"
  done
  cat <<'TEXT'

OpenCV's FFmpeg libraries (`libav*`, `libsw*`) are an LGPL 2.1 build, and not the program above: the extractor reads no video with them. `libgfortran` and `libquadmath` are under the GPL
with GCC's runtime exception, and the LGPL. The packages contain the licence texts in their `*.dist-info` folders, which are in the image.
TEXT
}

if [[ $check == true ]]; then
  page | diff --unified docs/reference/licences.md - || { echo 'docs/reference/licences.md is not up to date: run ./scripts/licences.sh' >&2; exit 1; }
else
  page > "$tools/licences.md"
  mv "$tools/licences.md" docs/reference/licences.md
  echo "wrote docs/reference/licences.md"
fi
