#!/usr/bin/env bash
# Prints a folder with the npm package `oidc-provider`, which is kept in a cache for the next run.
set -euo pipefail
version=9.13.3
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/spoa/oidc-provider-$version
if [ ! -d "$cache" ]; then
  mkdir -p "$(dirname "$cache")"
  new=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  echo '{"private": true}' >"$new/package.json"
  npm install --prefix "$new" --silent --no-audit --no-fund "oidc-provider@$version" >&2
  chmod 755 "$new"
  # Another process may have been faster.
  mv -T "$new" "$cache" 2>/dev/null || [ -d "$cache" ]
fi
echo "$cache"
