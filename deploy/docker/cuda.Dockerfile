# A service in the environment of a GPU, whose pins are not ours, as services/<service>/environments/<ENVIRONMENT>.lock has it:
#   docker build -f deploy/docker/cuda.Dockerfile --build-arg SERVICE=hermes --build-arg ENVIRONMENT=vllm-cuda .
# CUDA's libraries come as wheels, and the driver from the host (NVIDIA Container Toolkit), so BASE needs neither: any
# image with Python 3.11, its venv module, apt and a POSIX shell. The build secret `pip` is a pip.conf, where one is needed.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG SERVICE
ARG ENVIRONMENT
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONFIG_FILE=/run/secrets/pip
COPY deploy/docker/locks deploy/docker/locks
COPY services/${SERVICE}/environments services/${SERVICE}/environments
# torch's wheel names the exact versions of CUDA's libraries it was built with; the lock has those of everything else
RUN --mount=type=secret,id=pip --mount=type=cache,target=/root/.cache/pip \
    lock="services/${SERVICE}/environments/${ENVIRONMENT}.lock" \
    && python3 -m venv /build \
    && /build/bin/pip install --no-deps -r deploy/docker/locks/build.lock \
    && python3 -m venv --without-pip /opt/osiris \
    && /build/bin/pip --python /opt/osiris/bin/python install --no-deps -r "${lock}" \
    && if grep -q '^torch==' "${lock}"; then \
         grep -v '^ *#' "${lock}" > /pins \
         && /build/bin/pip --python /opt/osiris/bin/python install -c /pins "$(grep '^torch==' "${lock}")"; \
       fi
COPY libs libs
COPY services services
# of ours, what the service has everywhere, and what it has in this environment besides
RUN sed -n 's|^# member: |/src/|p' "deploy/docker/locks/${SERVICE}.lock" \
      "services/${SERVICE}/environments/${ENVIRONMENT}.lock" > members \
    && xargs -a members /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels \
    && /build/bin/pip --python /opt/osiris/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${BASE}
ARG SERVICE
ARG PORT=9000
# Triton compiles its kernels with the C compiler
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/osiris /opt/osiris
COPY deploy/docker/entrypoint.sh deploy/docker/health.py /opt/
WORKDIR /app
RUN mkdir -p lancedb_data models home/data home/dgm home/keys home/nights home/policies \
    && chown -R 10001:10001 /app
ENV PATH=/opt/osiris/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    XDG_CACHE_HOME=/tmp/cache \
    HOME=/tmp \
    OSIRIS_SERVICE=${SERVICE} \
    OSIRIS_PORT=${PORT} \
    OSIRIS_HOME=/app/home \
    OSIRIS_MODELS=/app/models \
    OSIRIS_TABLES=/app/lancedb_data
USER 10001:10001
EXPOSE ${PORT}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=600s --retries=3 CMD ["python3", "-I", "-S", "/opt/health.py"]
ENTRYPOINT ["/opt/entrypoint.sh"]
