#!/bin/sh
# Runs the service of this image; arguments go to it. In a container every service is reached on one port of its own:
# the gateway serves there, the others answer their probes.
set -eu
if [ "$OSIRIS_SERVICE" = cli ]; then
    exec osiris "$@"
fi
name=$(echo "$OSIRIS_SERVICE" | tr '[:lower:]' '[:upper:]')
export "OSIRIS_${name}_HOST=0.0.0.0" "OSIRIS_${name}_PORT=$OSIRIS_PORT"
export "OSIRIS_${name}_PROBE_HOST=0.0.0.0" "OSIRIS_${name}_PROBE_PORT=$OSIRIS_PORT"
if [ "$OSIRIS_SERVICE" = azr_planner ] && [ -n "${OSIRIS_GATEWAY_API_KEY:-}" ]; then  # it knows the same keys, so also the first
    export "OSIRIS_AZR_PLANNER_API_KEY=${OSIRIS_AZR_PLANNER_API_KEY:-$OSIRIS_GATEWAY_API_KEY}"
fi
exec python3 -m "osiris_$OSIRIS_SERVICE" "$@"
