# shellcheck shell=bash disable=SC2154
# The Lambda base images under their real names: the real ones where they can
# be had, else stand-ins, and the images that only tests use.

registry=public.ecr.aws/lambda
# Raise it when standin.sh changes: stand-ins of another recipe are replaced.
recipe=1
case $(uname -m) in
  aarch64) arch=arm64 ;;
  *) arch=x86_64 ;;
esac

declare -A image_id=()  # every local image, by name:tag
declare -A stand_in=()  # the stand-ins among them
declare -A current=()   # the stand-ins of the present recipe
offline=

image_list() { docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' "$@"; }

images_read() {
  local name id
  image_id=() stand_in=() current=()
  while read -r name id; do image_id[$name]=$id; done < <(image_list)
  while read -r name id; do stand_in[$name]=$id; done < <(image_list --filter label=sam-rs.stand-in=true)
  while read -r name id; do current[$name]=$id; done < <(image_list --filter "label=sam-rs.stand-in.recipe=$recipe")
}

# A real image, or a stand-in that is up to date.
image_there() {
  [ -n "${image_id[$1]:-}" ] && { [ -z "${stand_in[$1]:-}" ] || [ -n "${current[$1]:-}" ]; }
}

# pull NAME: bounded, and after one failure no further try: the next would only
# wait for the same.
pull() {
  [ -z "$offline" ] || return 1
  timeout "${SAM_RS_DEV_PULL_SECONDS:-20}" docker pull -q "$1" </dev/null >"$logs/pull.log" 2>&1 && return 0
  offline=1
  return 1
}

images() {
  local name missing=()
  images_read
  for name in python:3.11 nodejs:22 provided:al2023; do
    if image_there "$registry/$name"; then
      say "images: there: $registry/$name${stand_in[$registry/$name]:+ (stand-in)}"
    elif [ -z "${stand_in[$registry/$name]:-}" ] && pull "$registry/$name"; then
      say "images: pulled $registry/$name"
    else
      missing+=("$name")
    fi
  done
  if [ ${#missing[@]} -gt 0 ]; then
    stand_ins "${missing[@]}"
  fi
  images_read
  tags python:3.11 3.9 3.10 3.12 3.13 3.14
  tags nodejs:22 20 24
  tags provided:al2023 al2
  test_images
  # The stand-ins that were replaced, and no other image.
  docker image prune -f --filter label=sam-rs.stand-in=true >/dev/null
}

# stand_ins NAME...: gathers the parts, then puts the images together.
stand_ins() {
  local name
  say "images: not to be had here, building stand-ins: $*"
  for name; do
    case $name in
      python:*)
        [ -d "$ric_python" ] || python3 -m pip --version >/dev/null 2>&1 || apt_install images python3-pip
        start ric-python make_ric_python
        ;;
      nodejs:*)
        have npm || die "images: the nodejs stand-in needs npm: install Node.js"
        [ -d "$ric_node" ] || apt_install images build-essential cmake autoconf automake libtool python3
        start ric-node make_ric_node
        ;;
    esac
  done
  make_debian
  for name; do
    stand_in_build "$name"
    say "images: built $registry/$name (stand-in)"
  done
}

# The overlay is added to a copy of the cached archive: no unpacking, no root.
stand_in_build() { # NAME:TAG
  local work base=$debian_plain
  scratch_make
  work=$scratch
  mkdir "$work/overlay"
  case $1 in
    python:*)
      finish ric-python
      base=$debian_python
      standin_python "$work/overlay"
      # With their times: compiled Python files are bound to those of the sources.
      cp -a "$ric_python/." "$work/overlay/var/runtime/"
      ;;
    nodejs:*)
      finish ric-node
      standin_node "$work/overlay"
      mkdir -p "$work/overlay/var/lang/bin"
      cp "$ric_node/node" "$work/overlay/var/lang/bin/node"
      cp -a "$ric_node/runtime/." "$work/overlay/var/runtime/"
      ;;
    *) standin_provided "$work/overlay" ;;
  esac
  # Other users than root must be able to read it, whatever the umask was.
  chmod -R u=rwX,go=rX "$work/overlay"
  cp "$base" "$work/image.tar"
  # The directories that both have are left out: the engine refuses duplicates.
  (
    cd "$work/overlay" || exit
    find . -mindepth 1 ! -path ./var ! -path ./opt -print0 |
      tar --owner=0 --group=0 --null --no-recursion -T - -rf "$work/image.tar"
  )
  docker import \
    -c 'ENTRYPOINT ["/lambda-entrypoint.sh"]' \
    -c 'WORKDIR /var/task' \
    -c 'ENV LANG=en_US.UTF-8 TZ=:/etc/localtime' \
    -c 'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin' \
    -c 'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib' \
    -c 'ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime' \
    -c "LABEL sam-rs.stand-in=true sam-rs.stand-in.recipe=$recipe" \
    "$work/image.tar" "$registry/$1" >/dev/null || die "images: cannot import $1"
  scratch_remove
}

# tags NAME:TAG ALIAS...: the suffixed name of the base image, and for a
# stand-in the other versions that it serves for. A name that is taken by
# anything but an older stand-in stays as it is.
tags() {
  local base=$registry/$1 family=$registry/${1%%:*} name alias rapid names=("$registry/$1-$arch") made=0
  shift
  if [ -n "${stand_in[$base]:-}" ]; then
    for alias; do
      names+=("$family:$alias" "$family:$alias-$arch")
    done
  fi
  for name in "${names[@]}"; do
    image_there "$name" && continue
    docker tag "${image_id[$base]}" "$name"
    # What the SAM CLI has built upon the older one would hide the new one.
    rapid=${name%-"$arch"}-rapid-$arch
    [ -z "${image_id[$rapid]:-}" ] || docker image rm -f "$rapid" >/dev/null
    made=$((made + 1))
  done
  say "images: there: ${#names[@]} more names for ${base##*/} ($made new)"
}

test_images() {
  local name base test_name container
  for name in python:3.11 nodejs:22 provided:al2023; do
    base=${image_id[$registry/$name]}
    test_name=sam-rs-test/${name%%:*}:nonroot
    if [ -n "${image_id[$test_name]:-}" ] &&
      [ "$(docker image inspect -f '{{index .Config.Labels "sam-rs.base"}}' "$test_name")" = "$base" ]; then
      say "images: there: $test_name"
      continue
    fi
    # Not `docker build`: it is not part of every engine's command line. The
    # container never runs; it needs some argument because the image has none.
    container=$(docker create "$base" none)
    docker commit -c 'USER 993:990' -c 'CMD []' -c "LABEL sam-rs.base=$base" "$container" "$test_name" >/dev/null
    docker rm "$container" >/dev/null
    say "images: made $test_name"
  done
  if [ -n "${image_id[sam-rs-test/scratch:latest]:-}" ]; then
    say "images: there: sam-rs-test/scratch:latest"
  else
    tar -c -T /dev/null | docker import - sam-rs-test/scratch:latest >/dev/null
    say "images: made sam-rs-test/scratch:latest"
  fi
}
