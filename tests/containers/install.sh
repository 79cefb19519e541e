#!/bin/sh
# What runs containers for tests/containers, where this machine can have it: Docker as it is, else Debian's podman and,
# for an image to build on, debootstrap. Elsewhere those tests are skipped.
set -eu
if docker info > /dev/null 2>&1; then exit 0; fi
if command -v podman > /dev/null && command -v debootstrap > /dev/null && command -v iptables > /dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "no Docker, and not root on Debian: the container tests will be skipped"
  exit 0
fi
echo "installing podman and debootstrap for the container tests (once, a minute)"
log=$(mktemp)
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  podman runc netavark aardvark-dns iptables debootstrap; } > "$log" 2>&1; then
  tail -n 3 "$log"
  echo "podman could not be installed: the container tests will be skipped"
fi
rm -f "$log"
