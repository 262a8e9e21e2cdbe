# shellcheck shell=bash disable=SC2154
# Clients of Lambda's API, as people use them: AWS CLI v2 and v1, boto3, the AWS SDK for JavaScript.

clients=$cache/clients-1

clients_there() { [ -e "$clients/.complete" ] && "$clients/bin/python" -c '' 2>/dev/null; }

# Packages come first, in the foreground: apt allows one run at a time.
clients_start() {
  [ -x /usr/bin/aws ] || apt_install clients awscli
  ! clients_there || return 0
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install clients python3-venv
  have npm || die "clients: the SDK for JavaScript needs npm: install Node.js"
  say "clients: installing AWS CLI v1, boto3 and the SDK for JavaScript (in the background)"
  start clients clients_make
}

clients_make() {
  rm -rf "$clients"
  python3 -m venv "$clients"
  "$clients/bin/pip" install --quiet 'awscli<2' boto3
  npm install --no-audit --no-fund --prefix "$clients/js" @aws-sdk/client-lambda@3
  touch "$clients/.complete"
}

clients_finish() {
  clients_there || finish clients
  say "clients: there: AWS CLI v2 and v1, boto3, the SDK for JavaScript"
}
