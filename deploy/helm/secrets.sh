#!/bin/sh
# Prints the Secrets that the charts name, for a Redis with the users of `make redis-users`:
#   deploy/helm/secrets.sh osiris | kubectl apply -f -
set -eu
namespace=${1:?"expected a namespace: deploy/helm/secrets.sh osiris"}
users=${OSIRIS_HOME:-.osiris}/redis-users
[ -f "$users/users.acl" ] || { echo "expected $users/users.acl; first: make redis-users REDIS=redis://osiris-redis:6379/0" >&2; exit 1; }
secret() {
    kubectl create secret generic "$@" --namespace "$namespace" --dry-run=client -o yaml
    echo ---
}
secret osiris-redis-users --from-file="$users/users.acl"
for file in "$users"/*.env; do
    name=$(basename "$file" .env | tr _ -)
    [ "$name" = scaler ] || secret "osiris-redis-$name" --from-env-file="$file"
done
url=$(sed -n 's/^OSIRIS_REDIS_URL=//p' "$users/scaler.env")
user=${url#*://}
user=${user%%@*}
secret osiris-redis-scaler --from-literal=username="${user%%:*}" --from-literal=password="${user#*:}"
secret osiris-gateway --from-literal=api-key="${OSIRIS_GATEWAY_API_KEY:?"expected OSIRIS_GATEWAY_API_KEY, a first key of 16 characters or more"}"
