# newel-init: the one-time ceremony of the split deployment. Build from the repository's root:
#   docker build -f deploy/docker/init.Dockerfile -t newel-init .

FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY requirements.lock ./
COPY proto proto
COPY libs libs
COPY cli cli
COPY services services
# The lock's versions and hashes hold for whatever of it this service needs, and for nothing else.
# Compiled here, because the root file system is read-only where it runs: half of a start would be compiling.
RUN uv venv /opt/newel \
 && uv pip install --python /opt/newel/bin/python --no-cache --no-sources \
      --compile-bytecode --constraint requirements.lock --build-constraint requirements.lock \
      ./proto ./libs/durations ./libs/crypto ./libs/jose ./libs/gotemplate ./libs/acme ./libs/step ./libs/certtemplates ./libs/client ./libs/runtime './services/signer[pkcs11]' ./cli

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="newel-init" \
      org.opencontainers.image.description="the one-time ceremony of the split deployment" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
RUN apt-get update && apt-get install -y --no-install-recommends softhsm2 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/newel /opt/newel
COPY deploy/__init__.py /opt/deploy/deploy/__init__.py
COPY deploy/split /opt/deploy/deploy/split
ENV PATH=/opt/newel/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENV PYTHONPATH=/opt/deploy SOFTHSM2_CONF=/etc/newel/config/softhsm2.conf
# Nobody calls it: it ends when everything there has to be is there.
HEALTHCHECK NONE
USER 10001:10001
ENTRYPOINT ["python", "-m", "deploy.split.first_start"]
CMD ["--state", "/etc/newel", "--ceremony", "/etc/newel/config/ceremony.toml"]
