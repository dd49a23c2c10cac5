#!/usr/bin/env bash
# Installs what tests/kubernetes drives: etcd, an API server and kubectl, built from Kubernetes' own module, and
# the definitions of cert-manager's kinds, which are fetched into .tools and not kept here.
set -eu
cd "$(dirname "$0")/../.."

version=v1.37.0
cert_manager=github.com/cert-manager/cert-manager@v1.20.0

if ! command -v etcd >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo 'setup: install etcd'; exit 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends etcd-server >/dev/null
fi

# Builds one program of the module, stripped, with the version that it tells.
build() {
  command -v "$1" >/dev/null && return
  echo "setup: building $1 $version, once"
  local release=k8s.io/component-base/version
  (cd tests/tools/kubernetes && CGO_ENABLED=0 go build -trimpath -o "/usr/local/bin/$1" \
    -ldflags "-s -w -X $release.gitVersion=$version -X $release.gitMajor=1 -X $release.gitMinor=37" "./$2")
}
build kube-apiserver apiserver
build kubectl kubectl

if [ ! -d .tools/cert-manager ]; then
  folder=$(go mod download -json "$cert_manager" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  mkdir -p .tools/cert-manager
  cp "$folder"/deploy/crds/*.yaml .tools/cert-manager/
  chmod u+w .tools/cert-manager/*
fi
