#!/bin/sh
# Makes what compose.yaml reads and git does not keep: .env with a first key of the gateway, and Redis' users. What is
# there stays as it is. PYTHON is one with the workspace installed; `make rebuild` gives it.
set -eu
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
users=${OSIRIS_REDIS_USERS:-.osiris/redis-users}
[ -f .env ] || cp .env.template .env
if ! grep -q '^OSIRIS_GATEWAY_API_KEY=' .env; then
    echo "OSIRIS_GATEWAY_API_KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(32))')" >> .env
    chmod 600 .env
    echo "wrote a first key of the gateway into .env: OSIRIS_GATEWAY_API_KEY"
fi
"$python" tools/redis_users.py --secrets "$users" --url redis://redis:6379/0 > /dev/null
# hashes of long random passwords, for the one user of the container of Redis
install -m 644 "$users/users.acl" "$users/public.acl"
