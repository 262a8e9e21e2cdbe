# shellcheck shell=bash disable=SC2154
# A container engine that answers.

engine_log=/var/log/sam-rs-dockerd.log

engine() {
  if engine_answers; then
    say "engine: there ($(docker version --format '{{.Server.Version}}, API {{.Server.APIVersion}}'))"
    return
  fi
  # Somebody else's engine is not ours to start.
  case ${DOCKER_HOST:-} in
    '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
    *) die "the engine at DOCKER_HOST=$DOCKER_HOST does not answer" ;;
  esac
  if [ "$EUID" -ne 0 ] && [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
    engine_forbidden
  fi
  PATH=$PATH:/usr/sbin:/sbin
  if ! have dockerd || ! have iptables; then
    apt_install engine docker.io iptables
  fi
  # Newer Debian versions have the command line in a package of its own.
  have docker || apt_install engine docker-cli
  if ! engine_answers; then
    say "engine: starting dockerd (log: $engine_log)"
    engine_start
    engine_wait
  fi
  say "engine: started ($(docker version --format '{{.Server.Version}}, API {{.Server.APIVersion}}'))"
}

engine_answers() { have docker && docker info >/dev/null 2>&1; }

engine_forbidden() {
  die "engine: $(id -un) may not use it: as root, usermod -aG docker $(id -un); then log in again"
}

engine_start() {
  need_root engine
  if [ -d /run/systemd/system ]; then
    as_root systemctl start docker
    return
  fi
  # After a crash the numbers in the pid files may belong to other processes,
  # and the daemons would take those for themselves and not start.
  # Nothing of ours may stay open in the daemon, which outlives us: neither the
  # caller's output (a CI pipe would never end) nor our lock.
  as_root bash -s -- "$engine_log" >/dev/null 2>&1 <<'END'
for name in docker.pid:dockerd docker/containerd/containerd.pid:containerd; do
  file=/var/run/${name%:*}
  [ -s "$file" ] || continue
  [ "$(cat "/proc/$(cat "$file")/comm" 2>/dev/null)" = "${name#*:}" ] || rm -f "$file"
done
[ -e /var/run/docker.pid ] && exit 0
for fd in /proc/$BASHPID/fd/*; do
  fd=${fd##*/}
  [ "$fd" -le 2 ] || eval "exec $fd>&-"
done
cd /
setsid -f nohup dockerd </dev/null >"$1" 2>&1
END
}

engine_wait() {
  local deadline=$((SECONDS + 60))
  until engine_answers; do
    if [ "$EUID" -ne 0 ] && as_root docker info >/dev/null 2>&1; then
      engine_forbidden
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      as_root tail -n 25 "$engine_log" >&2 || true
      die "the engine did not answer within 60 s (log: $engine_log)"
    fi
    sleep 0.2
  done
}
