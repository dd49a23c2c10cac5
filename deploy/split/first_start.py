"""What is made once: passwords, tokens, the ceremony, the first provisioner. A second run makes what is missing.

``python -m deploy.split.first_start --state DIR --ceremony FILE`` is the one-shot service of the containers;
SOFTHSM2_CONF names the tokens' configuration. It writes nothing over anything.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from deploy.split.layout import SHARED, Layout
from newel.step import ssh_templates
from newel.step.escrow import new_jwk_provisioner

WITH_DATABASE = ("registration", "issuing", "validation", "inventory", "alerting", "dashboard")
OWNERS = (*WITH_DATABASE, "signer", "nats", "postgres", "offline")
_OCTETS = 24
_DASHBOARD = "ceremony-dashboard.toml"


def make(layout: Layout, ceremony: Path, ssh: Path | None = None) -> bool:
    """Make what is missing; return whether the ceremony was held now. Raises CalledProcessError.

    ``ssh`` is the plan of the keys of SSH CAs; None: there are to be none.
    """
    for owner in OWNERS:
        layout.secrets(owner).mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.certs.mkdir(exist_ok=True)
    for service in WITH_DATABASE:
        _secret(layout.secrets(service) / "database.password")
    _secret(layout.secrets("postgres") / "superuser.password")
    password = _secret(layout.password)
    for owner in ("offline", "signer"):
        _secret(layout.secrets(owner) / "pin")
    _secret(layout.secrets("offline") / "so-pin")
    first = not (layout.certs / "ceremony.json").exists()
    if first:
        _tokens(layout, ceremony)
        subprocess.run([_find_program("newel"), "ceremony", str(ceremony)], check=True)
    if not (layout.certs / "ceremony-dashboard.json").exists():  # nor was it before there was one
        beside = ceremony.with_name(_DASHBOARD)
        plan = beside if beside.exists() else SHARED / "config" / _DASHBOARD
        _add_dashboard(plan, first=first)
    provisioners = layout.secrets("registration") / "provisioners.json"
    if not provisioners.exists():
        record = new_jwk_provisioner("admin", password.encode())
        _write(provisioners, json.dumps([record], indent=2) + "\n")
    if ssh is not None and not layout.ssh:
        _add_ssh(layout, ssh, provisioners)
    return first


def _add_dashboard(plan: Path, *, first: bool) -> None:
    """Make the dashboard's certificate. Raises CalledProcessError at a first start.

    Later the roots' token may be offline, as it should be; the other services start without a dashboard.
    """
    held = subprocess.run([_find_program("newel"), "ceremony", str(plan)], check=False)
    if first:
        held.check_returncode()
    if held.returncode != 0:
        sys.stderr.write(
            f"the dashboard has no certificate and will not start: hold `newel ceremony {plan}` where the"
            " roots' token is, and bring certs/ceremony-dashboard.json and secrets/dashboard here\n"
        )


def find_ssh_plan(ceremony: Path) -> Path | None:
    """Find the plan of the SSH CAs' keys, beside the ceremony's, where the signer's configuration names them."""
    signer, plan = (ceremony.with_name(name) for name in ("signer.toml", "ceremony-ssh.toml"))
    if not signer.exists():
        return None
    keys = tomllib.loads(signer.read_text())["keys"]
    return plan if any("ssh" in each for each in keys) else None


def _add_ssh(layout: Layout, plan: Path, provisioners: Path) -> None:
    """Add what SSH needs: the CAs' keys last, because they say that all of it is there."""
    layout.templates.mkdir(parents=True, exist_ok=True)
    for name, text in ssh_templates.TEXTS.items():
        if not (layout.templates / name).exists():
            (layout.templates / name).write_text(text)
    records = json.loads(provisioners.read_text())
    if not any(each["type"] == "SSHPOP" for each in records):
        records.append({"type": "SSHPOP", "name": "sshpop"})
        _write(provisioners, json.dumps(records, indent=2) + "\n")
    subprocess.run([_find_program("newel"), "ceremony", str(plan)], check=True)


def _tokens(layout: Layout, ceremony: Path) -> None:
    """Initialise the SoftHSM tokens that the ceremony's file names, each with its PIN."""
    plan = tomllib.loads(ceremony.read_text())
    stores = [each["store"] for each in plan["certificates"]]
    pins = {
        store["token"]: Path(store["pin_file"]) for store in stores if store["kind"] == "pkcs11"
    }
    configuration = Path(os.environ["SOFTHSM2_CONF"]).read_text()
    setting = next(line for line in configuration.splitlines() if line.startswith("directories."))
    Path(setting.partition("=")[2].strip()).mkdir(mode=0o700, parents=True, exist_ok=True)
    known = _run("softhsm2-util", "--show-slots")
    for token, pin in pins.items():
        if f" {token} " not in known.replace("\n", " "):
            _run(
                "softhsm2-util", "--init-token", "--free", "--label", token, "--pin", pin.read_text().strip(),
                "--so-pin", (layout.secrets("offline") / "so-pin").read_text().strip(),
            )  # fmt: skip # a command line


def _secret(path: Path) -> str:
    """Read the secret in a file; write a new one when there is no file."""
    if not path.exists():
        _write(path, secrets.token_urlsafe(_OCTETS) + "\n")
    return path.read_text().strip()


def _write(path: Path, text: str) -> None:
    """Write a file only its owner may read, whole or not at all."""
    temporary = path.with_name(f".{path.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.rename(path)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _find_program(program: str) -> str:
    """Find a program in this virtual environment, else on PATH."""
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() else shutil.which(program) or program


def give(folders: Iterable[Path], owner: int) -> None:
    """Make one user the owner of everything below the folders."""
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)


def main() -> int:
    """Run the one-shot service."""
    parser = argparse.ArgumentParser(allow_abbrev=False, prog="first_start", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--ceremony", type=Path, required=True)
    parser.add_argument("--ssh", type=Path, help="the plan of the SSH CAs' keys")
    parser.add_argument("--owner", type=int, help="the user id that gets all of it")
    parser.add_argument("--folder", type=Path, action="append", default=[], help="to be made, too")
    given = parser.parse_args()
    made = make(Layout(given.state), given.ceremony, given.ssh or find_ssh_plan(given.ceremony))
    for folder in given.folder:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if given.owner is not None:
        owned = [given.state / name for name in ("certs", "secrets", "templates")]
        give([each for each in (*owned, *given.folder) if each.exists()], given.owner)
    sys.stdout.write("the ceremony was held\n" if made else "everything was there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
