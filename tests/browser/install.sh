#!/bin/sh
# A browser for tests/browser, where this machine can have one: Debian's Chromium. Elsewhere those tests are skipped.
set -eu
if command -v chromium > /dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "no chromium, and not root on Debian: the browser tests will be skipped (install chromium to run them)"
  exit 0
fi
echo "installing chromium for the browser tests (once, a minute)"
log=$(mktemp)
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  chromium fonts-dejavu-core; } > "$log" 2>&1; then
  tail -n 3 "$log"
  echo "chromium could not be installed: the browser tests will be skipped"
fi
rm -f "$log"
