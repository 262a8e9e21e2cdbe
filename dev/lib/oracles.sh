# shellcheck shell=bash disable=SC2154
# The programs that results are compared with.

oracles=$cache/oracles

oracles_there() { [ -e "$oracles/.complete" ] && "$oracles/bin/python" -c '' 2>/dev/null; }

# Packages come first, in the foreground: apt allows one run at a time.
oracles_start() {
  ! oracles_there || return 0
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install oracles python3-venv
  say "oracles: installing aws-sam-cli and boto3 (in the background)"
  start oracles oracles_make
}

oracles_make() {
  rm -rf "$oracles"
  python3 -m venv "$oracles"
  "$oracles/bin/pip" install --quiet 'aws-sam-cli>=1.170' boto3
  "$oracles/bin/sam" --version
  touch "$oracles/.complete"
}

oracles_finish() {
  finish oracles
  say "oracles: $oracles/bin/sam, boto3 with $oracles/bin/python"
}
