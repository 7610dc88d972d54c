# Debian packages, installed where that needs no password: to be read by other scripts (`. scripts/apt.sh`).

# Sets as_root to what makes a command root's: nothing, sudo, or `none`. False where nothing can be installed.
may_install() {
  as_root=none
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
  fi
  [ "$as_root" != none ] && command -v apt-get >/dev/null 2>&1
}

# Quietly, unless it fails. After may_install.
apt_install() {
  apt_log=$(mktemp)
  # The package lists are missing or out of date on many machines, and a refresh takes its time: only when needed.
  if try_apt "$@"; then
    rm -f "$apt_log"
    return 0
  fi
  $as_root apt-get update -q </dev/null >&2 || true
  if try_apt "$@"; then
    rm -f "$apt_log"
    return 0
  fi
  cat "$apt_log" >&2
  rm -f "$apt_log"
  echo "relevo: apt-get could not install: $*" >&2
  return 1
}

try_apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$apt_log" 2>&1
}
