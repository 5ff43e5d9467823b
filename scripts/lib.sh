# What the scripts share: the repository's root, Debian packages, configuring and building a preset.
#
# Sourced, never run. Changes no directory, so that a path in a user's arguments keeps its meaning.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)

build_packages=(g++ cmake ninja-build pkg-config libuv1-dev libxxhash-dev libspdlog-dev libfmt-dev
  libcxxopts-dev libjemalloc-dev libssl-dev)
# python3-celery brings 20 small packages along, 10 MB; python3-rq little beside it.
# iproute2: ip and tc, for networks of our own.
test_packages=(git catch2 libhiredis-dev python3 python3-redis python3-rq python3-celery clang-14
  libclang-rt-14-dev clang-format-14 clang-tidy-14 iproute2)
node_packages=(nodejs npm ca-certificates)

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# missing_packages <name>...: those that dpkg does not know as installed, one per line.
missing_packages() {
  local installed name
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    grep -qxF "$name installed" <<<"$installed" || echo "$name"
  done
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y \
    --no-install-recommends install "$@" </dev/null
}

# ensure_packages <name>...: installs what is missing when run by root; another user is told what
# to ask for. Says nothing when everything is there. The package lists are fetched only after a
# first try without them.
ensure_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    say "These Debian packages are missing; as root:"
    say "  apt-get install ${missing[*]}"
    return 1
  fi
  say "Installing ${missing[*]}"
  local log
  log=$(mktemp)
  if apt_install "${missing[@]}" >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  apt-get -o DPkg::Lock::Timeout=300 -qq update >>"$log" 2>&1 || true
  if apt_install "${missing[@]}" >>"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  rm -f "$log"
  say "apt-get could not install: ${missing[*]}"
  return 1
}

# configure <preset>: runs CMake when the build directory is new, half made, made for another
# checkout, or older than the presets. Ninja does the rest when a CMakeLists.txt changes.
configure() {
  local dir="$root/build/$1"
  if [ -f "$dir/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"; then
    rm -rf "$dir"
  fi
  if [ ! -f "$dir/build.ninja" ] || [ "$root/CMakePresets.json" -nt "$dir/build.ninja" ]; then
    if command -v ccache >/dev/null; then
      export CMAKE_CXX_COMPILER_LAUNCHER=ccache
    fi
    (cd "$root" && cmake --preset "$1") || return 1
    touch "$dir/build.ninja"
  fi
}

# build_preset <preset> <target>...
build_preset() {
  local preset=$1
  shift
  configure "$preset" && cmake --build "$root/build/$preset" -j "$jobs" --target "$@"
}
