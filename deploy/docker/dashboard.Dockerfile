# newel-dashboard: pages for people. Build from the repository's root:
#   docker build -f deploy/docker/dashboard.Dockerfile -t newel-dashboard .

FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY requirements.lock ./
COPY proto proto
COPY libs libs
COPY services services
# The lock's versions and hashes hold for whatever of it this service needs, and for nothing else.
# Compiled here, because the root file system is read-only where it runs: half of a start would be compiling.
RUN uv venv /opt/newel \
 && uv pip install --python /opt/newel/bin/python --no-cache --no-sources \
      --compile-bytecode --constraint requirements.lock --build-constraint requirements.lock \
      ./proto ./libs/durations ./libs/crypto ./libs/jose ./libs/step ./libs/runtime ./services/dashboard

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="newel-dashboard" \
      org.opencontainers.image.description="pages for people" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY --from=build /opt/newel /opt/newel
ENV PATH=/opt/newel/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 9443 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9100/readyz', timeout=4)"]
USER 10001:10001
ENTRYPOINT ["python", "-m", "newel.dashboard"]
CMD ["--config", "/etc/newel/config/dashboard.toml"]
