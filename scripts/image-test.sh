#!/usr/bin/env bash
# `npm run image:test`: builds both images without a Docker daemon, then has image-checks.ts look at them and run them.
# Needs root on Debian; elsewhere it says so and exits 0. What it keeps for the next run is under $XDG_CACHE_HOME.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "image test skipped: $1"
  exit 0
}
[ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || skip 'it needs root on Linux'
[ -x node_modules/.bin/node ] || skip 'it needs the Node 24 of npm ci'

missing=()
for tool in buildah podman runc ip:iproute2 unshare:util-linux redis-server; do
  command -v "${tool%:*}" >/dev/null || missing+=("${tool#*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  command -v apt-get >/dev/null || skip "it needs ${missing[*]}"
  echo "installing ${missing[*]}"
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >/dev/null 2>&1 || skip "${missing[*]} cannot be installed"
fi

# A container storage of its own, for this Node and this stand-in base.
key=$(node_modules/.bin/node --version)-$(sha256sum scripts/image-base.sh | head -c 12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/network-enablement-bff/$key
mkdir -p "$cache/tmp" "$cache/probe"/{lower,upper,work,merged}
driver=vfs
if mount -t overlay -o "lowerdir=$cache/probe/lower,upperdir=$cache/probe/upper,workdir=$cache/probe/work" \
  overlay "$cache/probe/merged" 2>/dev/null; then
  umount "$cache/probe/merged"
  driver=overlay
fi
printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' "$driver" "$cache/storage" "$cache/run" \
  >"$cache/storage.conf"
printf 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n' >"$cache/registries.conf"
export CONTAINERS_STORAGE_CONF=$cache/storage.conf CONTAINERS_REGISTRIES_CONF=$cache/registries.conf TMPDIR=$cache/tmp
export npm_config_loglevel=error

base=docker.io/library/node:24-bookworm-slim
buildah inspect --type image "$base" >/dev/null 2>&1 || scripts/image-base.sh "$base"

secret=()
[ ! -f "$HOME/.npmrc" ] || secret=(--secret "id=npmrc,src=$HOME/.npmrc")
for target in production simulator; do
  echo "building $target"
  buildah build --isolation chroot --pull-never --format docker "${secret[@]}" \
    --target "$target" --tag "bff-image-test:$target" . >"$cache/build.log" 2>&1 || {
    cat "$cache/build.log"
    exit 1
  }
done

checks=
clean_up() {
  set +e
  [ -z "$checks" ] || kill "$checks"
  podman rm --force --time 0 bff-image-test-service bff-image-test-simulator
  podman volume rm --force bff-image-test-keys
  podman image prune --force
} >/dev/null 2>&1
trap clean_up EXIT

# In a network of its own, where the ports of docker-compose.yml are free.
unshare --net bash -c 'ip link set lo up && exec node_modules/.bin/node scripts/image-checks.ts "$1"' - "$base" &
checks=$!
wait "$checks"
