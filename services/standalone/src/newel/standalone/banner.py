"""What `newel up` prints when it serves: where, under which root, and what to try next."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from newel.standalone.later_start import default_url
from newel.standalone.layout import Layout
from newel.standalone.roots import own_root
from newel.standalone.settings import Settings
from newel.step.fingerprint import fingerprint


def banner(settings: Settings, https: str, http: str, metrics: str, *, first: bool) -> str:
    """Write a few lines for a person; the commands can be pasted, in their order."""
    layout = settings.layout
    root = own_root(settings)
    name = settings.dns_names[0]
    url = f"https://{f'[{name}]' if ':' in name else name}:{https.rpartition(':')[2]}"
    made = "A new authority was created in" if first else "The authority is served from"
    commands = "\n  ".join(try_next(settings, name, url))
    acme = "\n  ".join(try_acme(settings, name, url))
    acme = f"\nWith certbot, which needs root and port 80:\n\n  {acme}\n" if acme else ""
    return f"""\
{made} {layout.state}.

  root         {root.file}
  fingerprint  {fingerprint(root.der)}
  HTTPS        https://{https}   step API, ACME, inventory
  dashboard    {url}   'newel dashboard' prints a link that logs you in
  HTTP         {f"http://{http}" if http else "none"}   OCSP, CRL, /readyz
  metrics      http://{metrics}/metrics

Try next, in another terminal:

  {commands}
{acme}
Ctrl-C stops the authority.
"""


def try_next(settings: Settings, name: str, url: str) -> Iterator[str]:
    """Write how to get a first certificate, renew it, and find it in the list."""
    layout = settings.layout
    program, settings_of_shell = shell(layout, url)
    yield f"export {settings_of_shell}"
    provisioner = first_provisioner(settings, "JWK")
    if provisioner:
        yield (
            f"{program} ca certificate {name} {name}.crt {name}.key --provisioner {shlex.quote(provisioner)} "
            f"--password-file {shlex.quote(str(settings.password_file))}"
        )
        yield f"{program} ca renew --force {name}.crt {name}.key"
    if program == "newel" and layout.administrator_certificate.exists():
        yield "newel certificates list"
        yield "newel dashboard"
    yield f"curl --cacert {shlex.quote(own_root(settings).file)} {url}/health"


def try_acme(settings: Settings, name: str, url: str) -> Iterator[str]:
    """Write the same for the best known ACME client."""
    provisioner = first_provisioner(settings, "ACME")
    if provisioner:
        yield (
            f"sudo REQUESTS_CA_BUNDLE={shlex.quote(own_root(settings).file)} certbot certonly "
            "--standalone -n --agree-tos \\"
        )
        yield f"  -m you@example.com -d {name} --server {url}/acme/{provisioner}/directory"


def shell(layout: Layout, url: str) -> tuple[str, str]:
    """Return the command line's name, and the variables with which it uses this authority."""
    variables = [f"STEPPATH={shlex.quote(str(layout.state))}"]
    beside = Path(sys.executable).parent
    program = "newel" if os.access(beside / "newel", os.X_OK) else "step"
    if program == "newel" and shutil.which("newel") != str(beside / "newel"):
        variables.insert(0, f"PATH={shlex.quote(str(beside))}:$PATH")
    if default_url(layout).rstrip("/") != url:
        variables.append(f"STEP_CA_URL={url}")
    return program, " ".join(variables)


def first_provisioner(settings: Settings, kind: str) -> str:
    """Return the name of the first provisioner of a type; "" without one."""
    provisioners = settings.authority.provisioners or []
    return next((str(each["name"]) for each in provisioners if each.get("type") == kind), "")
