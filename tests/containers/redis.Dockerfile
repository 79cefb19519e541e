# A Redis on the base of the test, in place of the one that compose.yaml names.
ARG BASE
FROM ${BASE}
RUN mkdir /data && chown 999:999 /data
USER 999:999
