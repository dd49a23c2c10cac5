"""What ``make split`` says when everything serves."""

from deploy.split.layout import Addresses, Layout
from newel.crypto import pem
from newel.step.fingerprint import fingerprint


def banner(layout: Layout, addresses: Addresses, *, first: bool) -> str:
    """A few lines for a person; the commands can be pasted."""
    ports = addresses.ports
    state, root = layout.state, layout.root
    url = f"https://localhost:{addresses.https.rpartition(':')[2]}"
    made = "A new authority was made" if first else "The authority is served from"
    return f"""\
{made} under {state}: six services, PostgreSQL, NATS, SoftHSM.

  root         {root}
  fingerprint  {fingerprint(pem.decode(root.read_bytes()))}
  HTTPS        https://{addresses.https}   step API, ACME
  HTTP         http://{addresses.http}   OCSP, CRL
  inventory    https://localhost:{ports["inventory https"]}   its certificate is an internal one
  alerts       https://localhost:{ports["alerting https"]}   likewise
  password     {layout.password}   of the provisioner admin
  logs         {layout.log}

Try next:
  export STEPPATH={state}
  step ca certificate localhost srv.crt srv.key --provisioner admin --password-file {layout.password}
  REQUESTS_CA_BUNDLE={root} certbot certonly --standalone -n --agree-tos -m you@example.com \\
    -d localhost --server {url}/acme/acme/directory
  curl --cacert {root} {url}/health
  touch {layout.hold}/nats   # NATS away, until the file is removed; so with every part
"""
