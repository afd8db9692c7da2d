#!/usr/bin/env bash
# Makes a stand-in for the official Node image where no image registry can be reached: this machine's Node 24, npm, shell,
# C library and certificates, and the user `node`. It has the name of the real one, so that the Dockerfile is tested as it is.
# Usage: image-base.sh IMAGE_NAME, with the container storage chosen by the environment.
set -euo pipefail
image=$1
cd "$(dirname "$0")/.."

node=$(readlink -f node_modules/.bin/node)
npm=$(npm root --global)/npm
container=$(buildah from scratch)
root=$(buildah mount "$container")
trap 'buildah rm "$container" >/dev/null' EXIT

mkdir -p "$root"/{bin,etc/ssl/certs,home/node,root,tmp,usr/bin,usr/local/bin,usr/local/etc,usr/local/lib/node_modules,var/tmp}
chmod 1777 "$root/tmp" "$root/var/tmp"
chown 1000:1000 "$root/home/node"

cp "$node" "$root/usr/local/bin/node"
cp -r "$npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
cp -L /bin/sh "$root/bin/sh"
tools=(/usr/bin/env)
for tool in chown find mkdir rm; do tools+=("$(command -v "$tool")"); done
cp -L "${tools[@]}" "$root/usr/bin/"
ldd "$node" /bin/sh "${tools[@]}" | grep -o '/[^ :)]*\.so[^ :)]*' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
globalconfig=$(npm config get globalconfig)
[ ! -f "$globalconfig" ] || cp "$globalconfig" "$root/usr/local/etc/npmrc"
printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$root/etc/group"

buildah config --env PATH=/usr/local/bin:/usr/bin:/bin --cmd node "$container"
buildah commit --quiet --format docker "$container" "$image" >/dev/null
