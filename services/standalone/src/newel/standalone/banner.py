"""What `newel up` says when it serves: where, under which root, and what to try next."""

import shlex

from newel.crypto import pem
from newel.standalone.settings import Settings
from newel.step.fingerprint import fingerprint


def banner(settings: Settings, https: str, http: str, metrics: str, *, first: bool) -> str:
    """A few lines for a person; the commands can be pasted."""
    layout = settings.layout
    root = pem.decode(layout.root_certificate.read_bytes())
    name = settings.dns_names[0]
    port = https.rpartition(":")[2]
    state = layout.state
    url = f"https://{f'[{name}]' if ':' in name else name}:{port}"
    provisioners = settings.authority.provisioners or []
    names = {str(each.get("type")): str(each.get("name")) for each in reversed(provisioners)}
    tries = [f"export STEPPATH={state}"]
    if "JWK" in names:
        tries.append(
            f"step ca certificate {name} srv.crt srv.key --provisioner {shlex.quote(names['JWK'])}"
            f" --password-file {settings.password_file}"
        )
    if "ACME" in names:
        tries.append(
            f"REQUESTS_CA_BUNDLE={layout.root_certificate} certbot certonly --standalone -n --agree-tos"
            f" -m you@example.com \\\n    -d {name} --server {url}/acme/{names['ACME']}/directory"
        )
    tries.append(f"curl --cacert {layout.root_certificate} {url}/health")
    following = "\n  ".join(tries)
    made = "A new authority was made" if first else "The authority is served from"
    return f"""\
{made} under {state}.

  root         {layout.root_certificate}
  fingerprint  {fingerprint(root)}
  HTTPS        https://{https}   step API, ACME, inventory
  HTTP         {f"http://{http}" if http else "none"}   OCSP, CRL, /readyz
  metrics      http://{metrics}/metrics

Try next:
  {following}
"""
