"""What `newel up` says when it serves: where, under which root, and what to try next."""

from newel.crypto import pem
from newel.standalone.settings import Settings
from newel.step.fingerprint import fingerprint


def banner(settings: Settings, https: str, http: str, *, first: bool) -> str:
    """A few lines for a person; the commands can be pasted."""
    layout = settings.layout
    root = pem.decode(layout.root_certificate.read_bytes())
    name = settings.dns_names[0]
    port = https.rpartition(":")[2]
    state = layout.state
    url = f"https://{f'[{name}]' if ':' in name else name}:{port}"
    made = "A new authority was made" if first else "The authority is served from"
    return f"""\
{made} under {state}.

  root         {layout.root_certificate}
  fingerprint  {fingerprint(root)}
  HTTPS        https://{https}   step API, ACME, inventory
  HTTP         {f"http://{http}" if http else "none"}   OCSP, CRL, /metrics, /readyz

Try next:
  export STEPPATH={state}
  step ca certificate {name} srv.crt srv.key --provisioner admin --password-file {settings.password_file}
  REQUESTS_CA_BUNDLE={layout.root_certificate} certbot certonly --standalone -n --agree-tos -m you@example.com \\
    -d {name} --server {url}/acme/acme/directory
  curl --cacert {layout.root_certificate} {url}/health
"""
