#!/bin/sh
# Builds every image, pushes it with an SBOM and its provenance, signs it by digest, and writes to dist/release the SBOMs
# and values-images.yaml, which makes the umbrella chart use exactly these images:
#   REGISTRY=registry.example/desk TAG=v1.2.3 deploy/docker/release.sh [SERVICE…]
# Wants docker with buildx, and cosign; SIGN=no leaves the signature out.
set -eu
cd "$(dirname "$0")/../.."
registry=${REGISTRY:?"expected REGISTRY, where the images go: registry.example/desk"}
tag=${TAG:?"expected TAG, such as v1.2.3"}
out=dist/release
mkdir -p "$out"
printf '# The images of %s.\nglobal: {image: {registry: "%s", tag: "%s"}}\n' "$tag" "$registry" "$tag" > "$out/values-images.yaml"

# name of the image, its Dockerfile, build arguments; and the block of the umbrella's values, where it has one
image() {
    name=$1 file=$2 block=$3
    shift 3
    reference="$registry/osiris/$name"
    docker buildx build --push --sbom=true --provenance=mode=max --metadata-file "$out/$name.json" \
        --tag "$reference:$tag" --file "deploy/docker/$file.Dockerfile" "$@" .
    digest=$(sed -n 's/.*"containerimage.digest": *"\(sha256:[0-9a-f]*\)".*/\1/p' "$out/$name.json" | head -1)
    [ -n "$digest" ] || { echo "expected a digest of $name in $out/$name.json" >&2; exit 1; }
    docker buildx imagetools inspect "$reference@$digest" --format '{{ json .SBOM.SPDX }}' > "$out/$name.spdx.json"
    [ "${SIGN:-yes}" = no ] || cosign sign --yes "$reference@$digest"
    [ -z "$block" ] || printf '%s: {image: {repository: osiris/%s, digest: "%s"}}\n' "$block" "$name" "$digest" >> "$out/values-images.yaml"
}

for lock in deploy/docker/locks/*.lock; do
    service=$(basename "$lock" .lock)
    case " ${*:-$service} " in *" $service "*) ;; *) continue ;; esac
    case $service in
        build) continue ;;
        cli) image cli cpu "" --build-arg SERVICE=cli ;;
        gateway) image gateway cpu gateway --build-arg SERVICE=gateway --build-arg PORT=8000 ;;
        azr_planner) image azr_planner cpu azrPlanner --build-arg SERVICE=azr_planner --build-arg PORT=8001 ;;
        *) image "$service" cpu "$service" --build-arg SERVICE="$service" ;;
    esac
done
if [ $# -eq 0 ]; then
    image hermes-gpu cuda "" --build-arg SERVICE=hermes --build-arg ENVIRONMENT=vllm-cuda
    image phi3-gpu cuda "" --build-arg SERVICE=phi3 --build-arg ENVIRONMENT=onnx-cuda
    image tts-gpu cuda "" --build-arg SERVICE=tts --build-arg ENVIRONMENT=chatterbox-cuda
    if [ -f services/trainer/environments/night-cpu.lock ]; then
        image night cuda "" --build-arg SERVICE=trainer --build-arg ENVIRONMENT=night-cpu
    fi
fi
