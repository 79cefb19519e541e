# A service on a CPU, or the `osiris` command: docker build -f deploy/docker/cpu.Dockerfile --build-arg SERVICE=phi3 .
# BASE is any image with Python 3.11 or newer, its venv module and a POSIX shell. An index or mirror of Python packages
# of your own is told to pip by the build secret `pip`, a pip.conf.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG SERVICE
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONFIG_FILE=/run/secrets/pip
COPY deploy/docker/locks/build.lock deploy/docker/locks/${SERVICE}.lock deploy/docker/locks/
# pip and the build backend stay here: the image has neither
RUN --mount=type=secret,id=pip --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /build \
    && /build/bin/pip install --no-deps -r deploy/docker/locks/build.lock \
    && python3 -m venv --without-pip /opt/osiris \
    && /build/bin/pip --python /opt/osiris/bin/python install --no-deps -r "deploy/docker/locks/${SERVICE}.lock"
COPY libs libs
COPY services services
COPY deploy/docker/slim.sh deploy/docker/strip.py deploy/docker/
RUN sed -n 's|^# member: |/src/|p' "deploy/docker/locks/${SERVICE}.lock" > members \
    && xargs -a members /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels \
    && /build/bin/pip --python /opt/osiris/bin/python install --no-deps --no-index /wheels/*.whl \
    && deploy/docker/slim.sh /opt/osiris

FROM ${BASE}
ARG SERVICE
ARG PORT=9000
COPY --from=build /opt/osiris /opt/osiris
COPY deploy/docker/entrypoint.sh deploy/docker/health.py /opt/
# the volumes, of which each service has its own: a new one belongs to whom its folder does
WORKDIR /app
RUN mkdir -p lancedb_data models home/data home/dgm home/keys home/nights home/policies \
    && chown -R 10001:10001 /app
ENV PATH=/opt/osiris/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OSIRIS_SERVICE=${SERVICE} \
    OSIRIS_PORT=${PORT} \
    OSIRIS_HOME=/app/home \
    OSIRIS_MODELS=/app/models \
    OSIRIS_TABLES=/app/lancedb_data
USER 10001:10001
EXPOSE ${PORT}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=3 CMD ["python3", "-I", "-S", "/opt/health.py"]
ENTRYPOINT ["/opt/entrypoint.sh"]
