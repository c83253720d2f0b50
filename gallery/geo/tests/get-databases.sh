#!/usr/bin/env bash
# Prints a folder with MaxMind's databases for tests, from the source of the Python package `maxminddb`. It is kept in
# a cache for the next run.
set -euo pipefail
version=3.2.0
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/spoa/maxminddb-$version
if [ ! -d "$cache" ]; then
  mkdir -p "$(dirname "$cache")"
  new=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  python3 -m pip download --quiet --no-deps --no-binary :all: --dest "$new" "maxminddb==$version" >&2
  tar -xzf "$new/maxminddb-$version.tar.gz" -C "$new" --strip-components 3 "maxminddb-$version/tests/data"
  chmod 755 "$new"
  # Another process may have been faster.
  mv -T "$new" "$cache" 2>/dev/null || [ -d "$cache" ]
fi
echo "$cache/test-data"
