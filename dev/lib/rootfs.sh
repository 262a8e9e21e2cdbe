# shellcheck shell=bash disable=SC2154
# The parts that stand-in images are made of. Each is kept in the cache, so a
# rebuild takes seconds; the names carry a number to raise when the recipe of
# that part changes.

debian_python=$cache/debian-python-1.tar
debian_plain=$cache/debian-plain-1.tar
ric_python=$cache/ric-python3.11-1
ric_node=$cache/ric-node22-1

# The mirror is whatever this machine's own apt uses.
debian_mirror() {
  # shellcheck disable=SC2016 # apt expands these, not the shell
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' |
    head -n 1
}

# Two root file systems from one debootstrap: with Python, then without.
make_debian() {
  [ ! -f "$debian_python" ] || [ ! -f "$debian_plain" ] || return 0
  local mirror work
  need_root images
  mirror=$(debian_mirror)
  if [ -z "$mirror" ]; then
    apt_update
    mirror=$(debian_mirror)
  fi
  [ -n "$mirror" ] || die "no Debian 12 (bookworm) mirror in this machine's apt sources"
  apt_install images debootstrap
  scratch_make
  work=$scratch
  say "images: Debian root file system"
  quiet debootstrap as_root debootstrap --variant=minbase --include=python3,ca-certificates \
    bookworm "$work/root" "$mirror"
  quiet debian-trim as_root bash -c "$debian_trim" trim "$work"
  mv "$work/python.tar" "$debian_python"
  mv "$work/plain.tar" "$debian_plain"
  scratch_remove
}

# shellcheck disable=SC2016 # for the shell that runs it
debian_trim='
set -eu
cd "$1"
umask 022
slim() {
  chroot root apt-get clean
  rm -rf root/var/lib/apt/lists/* root/var/cache/* root/var/log/*
  rm -rf root/usr/share/doc/* root/usr/share/man/* root/usr/share/info/* root/usr/share/locale/*
}
pack() { tar -C root --numeric-owner --exclude="./dev/*" --exclude="./proc/*" --exclude="./sys/*" -cf "$1" .; }
slim
pack python.tar
DEBIAN_FRONTEND=noninteractive chroot root apt-get -y purge --auto-remove "python3*" "libpython3*"
rm -rf root/usr/lib/python3*
slim
pack plain.tar
'

# The runtime client for Python, for the image's version whatever this
# machine's is.
make_ric_python() {
  [ ! -d "$ric_python" ] || return 0
  rm -rf "$ric_python.new"
  python3 -m pip install --quiet --target "$ric_python.new" --python-version 3.11 --implementation cp \
    --only-binary=:all: awslambdaric
  mv "$ric_python.new" "$ric_python"
}

# Node.js and its runtime client, whose native part is compiled here with that
# Node.js first on PATH.
make_ric_node() {
  [ ! -d "$ric_node" ] || return 0
  local work=$cache/ric-node.work arch node package prefix
  case $(uname -m) in
    aarch64) arch=arm64 ;;
    *) arch=x64 ;;
  esac
  # The headers beside the machine's own node save node-gyp a download. The
  # interface they describe is the same in all versions.
  prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
  [ ! -f "$prefix/include/node/node_api.h" ] || export npm_config_nodedir=$prefix
  rm -rf "$work" "$ric_node.new"
  mkdir -p "$work"
  npm install --no-audit --no-fund --prefix "$work" "node-linux-$arch@22"
  node=$work/node_modules/node-linux-$arch/bin/node
  PATH=${node%/*}:$PATH npm install --no-audit --no-fund --prefix "$work" aws-lambda-ric@4
  package=$work/node_modules/aws-lambda-ric
  mkdir -p "$ric_node.new/runtime/node_modules/@aws"
  cp "$node" "$ric_node.new/node"
  cp "$package/index.mjs" "$package/package.json" "$package/rapid-client.node" "$ric_node.new/runtime/"
  cp -a "$work/node_modules/@aws/lambda-invoke-store" "$ric_node.new/runtime/node_modules/@aws/"
  mv "$ric_node.new" "$ric_node"
  rm -rf "$work"
}
