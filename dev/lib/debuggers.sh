# shellcheck shell=bash disable=SC2154
# What a debugger attaches to, and a client for it: debugpy, gdbserver and gdb.

debuggers=$root/target/debuggers
debugpy=$cache/debugpy-1

debuggers_make() {
  if ! have gdb || ! installed gdbserver; then
    apt_install debuggers gdb gdbserver
  fi
  if [ ! -d "$debugpy" ]; then
    python3 -m pip --version >/dev/null 2>&1 || apt_install debuggers python3-pip
    rm -rf "$debugpy.new"
    quiet debugpy python3 -m pip install --quiet --target "$debugpy.new" --python-version 3.11 --implementation cp \
      --only-binary :all: debugpy
    mv "$debugpy.new" "$debugpy"
  fi
  if [ ! -x "$debuggers/gdbserver" ] || [ ! -d "$debuggers/debugpy" ]; then
    mkdir -p "$debuggers"
    cp -r "$debugpy/debugpy" "$debuggers/"
    cp /usr/bin/gdbserver "$debuggers/"
  fi
  say "debuggers: debugpy and gdbserver in ${debuggers#"$root"/}, gdb"
}
