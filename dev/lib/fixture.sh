# shellcheck shell=bash disable=SC2154
# The test function in Rust: static, so that it runs in an empty image too.

fixture_source=$root/testdata/functions/provided
fixture=$root/target/fixtures/provided/bootstrap
fixture_stamp=$root/target/fixtures/provided.stamp

# Contents, not times: a fresh clone gives every file a new time.
fixture_key() {
  {
    rustc -V
    cat "$fixture_source/Cargo.toml" "$fixture_source/Cargo.lock" "$fixture_source"/src/*.rs
  } | sha256sum
}

fixture_start() {
  [ ! -x "$fixture" ] || [ "$(cat "$fixture_stamp" 2>/dev/null)" != "$(fixture_key)" ] || return 0
  say "fixture: building the Rust test function (in the background)"
  start fixture fixture_make
}

# --target keeps the flag away from the build's own programs: macros cannot be
# linked statically. One job: the other core has work of its own.
fixture_make() {
  local host build=$root/target/fixtures/build
  host=$(rustc -vV | sed -n 's/^host: //p')
  cd "$fixture_source" || return
  env -u CARGO_ENCODED_RUSTFLAGS RUSTFLAGS='-C target-feature=+crt-static' \
    cargo build -j1 --release --locked --target "$host" --target-dir "$build"
  mkdir -p "${fixture%/*}"
  cp "$build/$host/release/bootstrap" "$fixture.new"
  mv "$fixture.new" "$fixture"
  fixture_key >"$fixture_stamp"
}

fixture_finish() {
  finish fixture
  say "fixture: ${fixture#"$root"/}"
}
