#!/bin/sh
# Installs the dependencies when they are missing or older than the lock file; silent and quick otherwise.
#
#   install.sh         what `relevo start` needs (and whatever npm's settings do not omit)
#   install.sh --dev   what the tests need besides, whatever NODE_ENV or npm's omit settings say
set -eu
cd "$(dirname "$0")/.."

wanted=${1-}
lock=package-lock.json
# npm writes this file last, so an installation that was interrupted has none and is done again.
mark=node_modules/.package-lock.json

# The test runner stands for all development dependencies.
is_installed() {
  [ -f "$mark" ] && [ ! "$lock" -nt "$mark" ] && { [ "$wanted" != --dev ] || [ -e node_modules/.bin/vitest ]; }
}

# A folder of somebody else's, and npm ci would begin by emptying it: it is used as it is, or not at all.
use_link() {
  target=$(readlink node_modules)
  if lacks=$(lacking); then
    echo "relevo: node_modules is a symbolic link to $target: used as it is, nothing is installed" >&2
    exit 0
  fi
  echo "relevo: node_modules in $PWD is a symbolic link to $target, and it is not what relevo needs:" >&2
  echo "        $lacks. It is left alone, for an installation would empty that folder." >&2
  echo '        Remove the link (`rm node_modules`) and start again, or run `npm ci` where it leads to' >&2
  exit 1
}

# Says what node_modules has not or has in another version; true when there is nothing to say. Without a node to read the
# two lists of npm, that it has a list must do.
lacking() {
  [ -f "$mark" ] || { echo 'npm has not finished an installation there'; return 1; }
  [ "$wanted" != --dev ] || [ -e node_modules/.bin/vitest ] || { echo 'the tools of the tests are missing'; return 1; }
  node=$(command -v node || true)
  [ -n "$node" ] || node=node_modules/.bin/node
  [ -x "$node" ] || return 0
  "$node" - "$lock" "$mark" "$wanted" <<'SCRIPT'
const { readFileSync } = require('node:fs');
const [lock, mark, wanted] = process.argv.slice(2);
const [needed, there] = [lock, mark].map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);
for (const [path, { version, optional, dev, devOptional }] of Object.entries(needed)) {
  if (path === '' || optional || devOptional || (dev && wanted !== '--dev') || there[path]?.version === version) continue;
  console.log(`${path.replace(/^.*node_modules\//, '')} ${version} is missing`);
  process.exit(1);
}
SCRIPT
}

install() {
  rm -f "$mark"
  # npm's settings may omit optional dependencies: they bring Node. And what npm says about the Node that it runs on
  # itself (EBADENGINE) does not concern the Node that relevo runs on.
  npm ci --include=optional ${wanted:+--include=dev} --no-audit --no-fund --no-progress --loglevel=error >&2
  # Newer than what a checkout just wrote, and never older than a lock file whose clock was ahead: no start may loop here.
  touch "$mark"
  if [ "$lock" -nt "$mark" ]; then touch -r "$lock" "$mark"; fi
}

# Node's own builds need libatomic.so.1, which a bare Debian does not have. Nothing to do where no Node came along.
ensure_node_runs() {
  brought=node_modules/.bin/node
  if [ ! -e "$brought" ] || said=$("$brought" --version 2>&1); then return 0; fi
  . scripts/apt.sh
  case $said in
    *libatomic.so.1*)
      if may_install; then
        echo 'relevo: installing libatomic1, which Node needs ...' >&2
        apt_install libatomic1 || exit 1
        if said=$("$brought" --version 2>&1); then return 0; fi
      else
        said="$said
        as root: apt-get install libatomic1 (Fedora and its like: dnf install libatomic)"
      fi
      ;;
  esac
  echo "relevo: the Node that the dependencies bring does not run here: $said" >&2
  # The system's own does as well, if it is new enough: scripts/relevo looks.
}

if is_installed; then
  ensure_node_runs
  exit 0
fi
if [ -L node_modules ]; then use_link; fi

# One at a time, for npm ci begins by emptying node_modules. flock holds the folder itself and lets go when the process
# ends, however it ends; where there is none (macOS), a folder with the owner's process id does.
if [ "${RELEVO_INSTALL_LOCKED-}" != "$PWD" ]; then
  if command -v flock >/dev/null 2>&1; then
    RELEVO_INSTALL_LOCKED=$PWD exec flock . sh scripts/install.sh "$@"
  fi
  until mkdir .install-lock 2>/dev/null; do
    owner=$(cat .install-lock/pid 2>/dev/null || echo)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then rm -rf .install-lock; else sleep 1; fi
  done
  trap 'rm -rf .install-lock' EXIT
  trap 'exit 130' INT TERM
  echo $$ >.install-lock/pid
fi

# Another one may have done it while this one waited.
if is_installed; then
  ensure_node_runs
  exit 0
fi

if ! command -v npm >/dev/null 2>&1; then
  echo 'relevo: npm is needed to install the dependencies (Debian: apt-get install npm)' >&2
  exit 1
fi
if [ ! -w . ] || { [ -d node_modules ] && [ ! -w node_modules ]; }; then
  echo "relevo: the dependencies in $PWD are missing or out of date, and $(id -un) may not write there:" >&2
  echo '        run `npm ci` in that folder as its owner' >&2
  exit 1
fi
echo 'relevo: installing the dependencies, once ...' >&2
install
ensure_node_runs
