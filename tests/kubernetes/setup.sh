#!/usr/bin/env bash
# Installs what tests/kubernetes drives: etcd and an API server, built from Kubernetes' own module, and the
# definitions of cert-manager's kinds, which are fetched into .tools and not kept here.
set -eu
cd "$(dirname "$0")/../.."

version=v1.37.0
cert_manager=github.com/cert-manager/cert-manager@v1.20.0

if ! command -v etcd >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo 'setup: install etcd'; exit 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends etcd-server >/dev/null
fi

if ! command -v kube-apiserver >/dev/null; then
  echo "setup: building kube-apiserver $version, once: some minutes"
  release=k8s.io/component-base/version
  (cd tests/tools/kube-apiserver && CGO_ENABLED=0 go build -trimpath -o /usr/local/bin/kube-apiserver \
    -ldflags "-s -w -X $release.gitVersion=$version -X $release.gitMajor=1 -X $release.gitMinor=37" .)
fi

if [ ! -d .tools/cert-manager ]; then
  folder=$(go mod download -json "$cert_manager" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  mkdir -p .tools/cert-manager
  cp "$folder"/deploy/crds/*.yaml .tools/cert-manager/
  chmod u+w .tools/cert-manager/*
fi
