#!/usr/bin/env bash
# Installs the real programs the tests drive, where this machine lets it; names what stays missing.
# Tests that need a missing program are not run and are counted in pytest's summary; where CI is set, they fail.
set -u

declare -A debian=(
  [mariadbd]=mariadb-server
  [certbot]=certbot [lego]=lego [dehydrated]=dehydrated [uacme]=uacme [caddy]=caddy [nginx]=nginx-light [openssl]=openssl [pkcs11-tool]=opensc
  [softhsm2-util]=softhsm2 [nats-server]=nats-server [ssh-keygen]=openssh-client [ssh]=openssh-client [ssh-agent]=openssh-client
  [promtool]=prometheus [curl]=curl [docker-compose]=docker-compose [zsh]=zsh [fish]=fish
  [named]=bind9 [nsupdate]=bind9-dnsutils
  [prometheus-alertmanager]=prometheus-alertmanager [rsyslogd]=rsyslog
  [jq]=jq [zbarimg]=zbar-tools [certutil]=libnss3-tools [sshd]=openssh-server
  [chromium]=chromium [chromedriver]=chromium-driver [npm]=npm [mandoc]=mandoc [unshare]=util-linux [faketime]=faketime [sqlite3]=sqlite3 [make]=make [keytool]=default-jdk-headless [java]=default-jdk-headless
  [haproxy]=haproxy [swtpm]=swtpm [certtool]=gnutls-bin [ocsptool]=gnutls-bin [crlutil]=libnss3-tools [vfychain]=libnss3-tools [javac]=default-jdk-headless
  [pki]=strongswan-pki [systemd-analyze]=systemd [dpkg-deb]=dpkg [update-ca-certificates]=ca-certificates
)
declare -A golang=(
  [step]=github.com/smallstep/cli/cmd/step@v0.30.2
  [step-ca]=github.com/smallstep/certificates/cmd/step-ca@v0.30.2
  [nebula-cert]=github.com/slackhq/nebula/cmd/nebula-cert@v1.10.3
  [scepclient]=github.com/micromdm/scep/v2/cmd/scepclient@v2.3.0
  [versitygw]=github.com/versity/versitygw/cmd/versitygw@v1.8.0
  [helm]=helm.sh/helm/v3/cmd/helm@v3.22.0
)

missing() { for name in "$@"; do command -v "$name" >/dev/null || echo "$name"; done; }

packages=()
for name in $(missing "${!debian[@]}"); do packages+=("${debian[$name]}"); done
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql)
# strongSwan's pki fetches by one plugin, and knows elliptic curves by another
plugins=/usr/lib/ipsec/plugins/libstrongswan
[ -e $plugins-curl.so ] || packages+=(libstrongswan-extra-plugins)
[ -e $plugins-openssl.so ] || packages+=(libstrongswan-standard-plugins)
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "setup: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

if command -v go >/dev/null && [ -w /usr/local/bin ]; then
  for name in $(missing "${!golang[@]}"); do
    echo "setup: building $name"
    # step-ca without cgo: its hardware key support is not what is compared here
    CGO_ENABLED=0 GOBIN=/usr/local/bin go install "${golang[$name]}" || true
  done
fi

# The OpenID provider runs from .tools, with the packages of its lock.
openid=.tools/openid
if command -v npm >/dev/null; then
  mkdir -p $openid/bin && cp tests/tools/openid/* $openid/
  cmp -s $openid/package-lock.json $openid/installed || {
    echo "setup: installing the OpenID provider"
    (cd $openid && npm ci --no-audit --no-fund --silent && cp package-lock.json installed)
  }
  printf '#!/bin/sh\nexec node "$(dirname "$0")/../provider.mjs" "$@"\n' >$openid/bin/openid-provider
  chmod +x $openid/bin/openid-provider
fi

# The certbot of Ubuntu 22.04 runs from .tools, with the packages of its lock.
certbot=.tools/certbot-1.21
lock=tests/tools/certbot/requirements.txt
cmp -s $lock $certbot/installed || {
  echo "setup: installing certbot 1.21"
  uv=$(command -v uv || echo .tools/uv/bin/uv)
  rm -rf $certbot
  $uv venv --quiet --python .venv/bin/python $certbot &&
    $uv pip install --quiet --python $certbot/bin/python --require-hashes --requirement $lock &&
    ln -sf certbot $certbot/bin/certbot-1.21 && cp $lock $certbot/installed
}

left=$(missing "${!debian[@]}" "${!golang[@]}" | sort | tr '\n' ' ')
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || left="$left postgresql"
[ -d $openid/node_modules ] || left="$left openid-provider"
[ -e $certbot/installed ] || left="$left certbot-1.21"
[ -z "${left// /}" ] && exit 0
echo "setup: not on this machine, so not tested with: $left"
# A run that counts does not pass over what it cannot test.
case "${CI:-}" in ''|0|false|no) ;; *) exit 1 ;; esac
