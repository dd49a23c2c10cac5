"""What ``make split`` says when everything serves."""

import sys
from pathlib import Path

from deploy.split.layout import Addresses, Layout
from newel.crypto import pem
from newel.step.fingerprint import fingerprint


def banner(layout: Layout, addresses: Addresses, *, first: bool) -> str:
    """Write a few lines for a person; the commands can be pasted."""
    ports = addresses.ports
    state, root = layout.state, layout.root
    url = f"https://localhost:{addresses.https.rpartition(':')[2]}"
    made = "A new authority was created in" if first else "The authority is served from"
    return f"""\
{made} {state}: seven services, PostgreSQL, NATS, SoftHSM.

  root         {root}
  fingerprint  {fingerprint(pem.decode(root.read_bytes()))}
  HTTPS        https://{addresses.https}   step API, ACME
  HTTP         http://{addresses.http}   OCSP, CRL
  inventory    https://localhost:{ports["inventory https"]}   of administrators; under the internal root
  alerts       https://localhost:{ports["alerting https"]}   likewise
  dashboard    https://localhost:{ports["dashboard https"]}   'newel dashboard' prints a link that logs you in
  password     {layout.password}   of the provisioner admin
  logs         {layout.log}

Try next, in another terminal:

  export PATH={Path(sys.executable).parent}:$PATH STEPPATH={state}
  newel ca certificate localhost localhost.crt localhost.key --provisioner admin --password-file {layout.password}
  newel ca renew --force localhost.crt localhost.key
  newel certificates list
  newel alerts list
  newel dashboard
  touch {layout.hold}/nats   # takes NATS down until the file is removed; so with every part

With certbot, which needs root and port 80:

  sudo REQUESTS_CA_BUNDLE={root} certbot certonly --standalone -n --agree-tos \\
    -m you@example.com -d localhost --server {url}/acme/acme/directory

Ctrl-C stops everything.
"""
