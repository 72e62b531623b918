#!/usr/bin/env bash
# Writes docs/licences.md: the licences of what the image holds, from the installed packages themselves.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/licences.sh [--check]

Writes docs/licences.md, from the metadata of the packages in requirements-worker.txt as they are installed
in .venv, and from what the FFmpeg among them says of itself. Run it after scripts/lock.sh --upgrade.
The tool, pip-licenses, is installed into build/licences.

  --check  write nothing; exit status 1 if docs/licences.md would change
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
# Licences of what is in the image

Written by `./scripts/licences.sh` from the installed packages; do not edit. This project itself is under the
[MIT licence](../LICENSE). The versions are those of `requirements-worker.txt`; `./scripts/audit.sh --sbom-only` writes a bill of materials with them.
What comes with the base image (Amazon Linux, Python, Lambda's runtime client) is AWS's to list.

This is an inventory, not legal advice.

## FFmpeg

`imageio-ffmpeg` is under a BSD licence; **the program `ffmpeg` that it carries is not**. It is built with `--enable-gpl --enable-version3`, with x264, x265
and other libraries under the GPL in it, and says of itself:

TEXT
  "$ffmpeg" -hide_banner -L | head -n 4 | sed 's/^/> /'
  cat <<'TEXT'

What that means:

- **The GPL asks nothing of those who only run it.** Whoever builds the image and runs it on an account of their own distributes nothing.
- **It does of those who hand the image on** - giving it to a customer, or publishing it in a registry. The GPL's sections 4 to 6 hold for the FFmpeg in it: pass on its
  licence text and notices, and the complete corresponding source of that very binary with the scripts that build it, or a way to get it that the licence allows.
  The version is printed by `ffmpeg -version`; the manifests name it, too. That the source is on somebody else's server does not relieve you of it.
- **This project's own code stays under MIT.** It starts FFmpeg as a separate program, with arguments and pipes, and links nothing of it.
- **Patents are another matter.** H.264, HEVC and AAC are covered by patent pools in some countries, whatever the copyright licence is.
- To hand on an image without the GPL, put an LGPL build of FFmpeg into it, name it in `FFMPEG_BINARY`, and delete the other. FFmpeg's decoders are not under
  the GPL; WebP needs a build with `libwebp`, tone mapping one with `libzimg`. That has not been tried here.

TEXT
  printf 'The libraries that this FFmpeg (for x86-64) is built with: %s.\n' "$(configured)"
  cat <<'TEXT'

## Python packages

As each states it in its own metadata.

TEXT
  "$tools/bin/pip-licenses" --python "$python" --packages "${packages[@]}" --no-version --with-urls --from mixed --format markdown \
    | sed --regexp-extended 's/ +\|/ |/g; s/-{3,}/---/g'
  cat <<'TEXT'

Weak copyleft is among them: certifi and tqdm in part are under the MPL 2.0. Nothing here changes their files.

## Libraries inside the packages

The wheels for Linux x86-64 carry these shared libraries (those for arm64 much the same):

| Package | Libraries |
|---|---|
TEXT
  for package in numpy opencv_python_headless; do
    printf '| %s | %s |\n' "${package//_/-}" "$(bundled "$package")"
  done
  cat <<'TEXT'

OpenCV's FFmpeg libraries (`libav*`, `libsw*`) are an LGPL 2.1 build, and not the program above: no video is read through them here; `libgfortran` and `libquadmath` are GPL
with GCC's runtime exception, and LGPL. The packages bring the texts along, in their `*.dist-info` folders, which are in the image.
TEXT
}

if [[ $check == true ]]; then
  page | diff --unified docs/licences.md - || { echo 'docs/licences.md is not up to date: run ./scripts/licences.sh' >&2; exit 1; }
else
  page > "$tools/licences.md"
  mv "$tools/licences.md" docs/licences.md
  echo "wrote docs/licences.md"
fi
