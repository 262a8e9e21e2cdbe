# shellcheck shell=bash
# What every step uses: messages, root rights, Debian packages, background jobs.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sam-rs-dev
logs=$cache/logs

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# need_root STEP: to be called where the message can still be seen.
need_root() {
  [ "$EUID" -eq 0 ] || have sudo || die "$1: needs root rights and there is no sudo: run dev/setup as root"
}

as_root() {
  if [ "$EUID" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# quiet LOG COMMAND...: the output goes to a log and is shown only on failure.
# Standard input and output are never the caller's: a service that a package
# starts would keep a CI pipe open.
quiet() {
  local log=$logs/$1.log
  shift
  if ! "$@" </dev/null >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    die "failed: $1 (all of it in $log)"
  fi
}

apt_lists_fresh=

# Sources that this machine lists but cannot reach must not stop us: what is
# really missing shows when the package is installed.
apt_update() {
  [ -z "$apt_lists_fresh" ] || return 0
  have apt-get || die "no apt-get here: dev/setup knows Debian only"
  as_root apt-get update </dev/null >"$logs/apt-update.log" 2>&1 || say "apt: update had errors, going on"
  apt_lists_fresh=1
}

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# apt_install STEP PACKAGE...: installs the ones that are missing.
apt_install() {
  local step=$1 package missing=()
  shift
  for package; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  need_root "$step"
  say "$step: installing ${missing[*]}"
  apt_update
  quiet apt-install as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

declare -A jobs=()

# start NAME FUNCTION...: in the background, in a process group of its own so
# that clean_up can end all of it.
start() {
  local name=$1
  shift
  set -m
  (
    set -e
    "$@"
  ) </dev/null >"$logs/$name.log" 2>&1 &
  jobs[$name]=$!
  set +m
}

# finish NAME: waits for a background job and fails if it failed.
finish() {
  local name=$1 pid=${jobs[$1]:-}
  [ -n "$pid" ] || return 0
  unset "jobs[$name]"
  wait "$pid" || {
    tail -n 25 "$logs/$name.log" >&2
    die "failed: $name (all of it in $logs/$name.log)"
  }
}

scratch=

# Not in /tmp, which is often small or mounted without devices.
scratch_make() { scratch=$(mktemp -d /var/tmp/sam-rs-setup.XXXXXX); }

# One file system: debootstrap mounts /proc in its directory and may have been
# stopped half way.
scratch_remove() {
  [ -n "$scratch" ] || return 0
  as_root rm -rf --one-file-system "$scratch"
  scratch=
}

# At the end of the script, however it ends.
clean_up() {
  local pid
  for pid in "${jobs[@]}"; do
    kill -- "-$pid" 2>/dev/null || true
  done
  scratch_remove
}
