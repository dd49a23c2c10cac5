"""ca.json and defaults.json of a new authority, as the step tools write and read them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.operations.ca_init.answers import LINKED, Answers
from newel.step import escrow, ssh_templates

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.init_options import InitOptions

TLS = {
    "cipherSuites": [
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ],
    "minVersion": 1.2,
    "maxVersion": 1.3,
    "renegotiation": False,
}


class Layout(NamedTuple):
    """Where everything of the authority stands."""

    base: Path

    def certificate(self, name: str) -> str:
        """``certs/<name>``."""
        return str(self.base / "certs" / name)

    def secret(self, name: str) -> str:
        """``secrets/<name>``."""
        return str(self.base / "secrets" / name)

    @property
    def ca_json(self) -> str:
        """``config/ca.json``."""
        return str(self.base / "config/ca.json")

    @property
    def defaults(self) -> str:
        """``config/defaults.json``."""
        return str(self.base / "config/defaults.json")

    @property
    def database(self) -> str:
        """``db``."""
        return str(self.base / "db")

    @property
    def templates(self) -> str:
        """``templates``."""
        return str(self.base / "templates")


def ca_json(options: "InitOptions", answers: Answers, layout: Layout) -> dict[str, Any]:
    """Return the authority's configuration, members in the order step's own files have."""
    ssh = options.ssh
    config: dict[str, Any] = {
        "root": layout.certificate("root_ca.crt"),
        "federatedRoots": [
            layout.certificate(federated_name(number))
            for number in range(len(options.federated_root))
        ]
        or None,
        "crt": "" if answers.parent else layout.certificate("intermediate_ca.crt"),
        "key": "" if answers.parent else layout.secret("intermediate_ca_key"),
        "address": answers.address,
        "insecureAddress": "",
        "dnsNames": answers.dns,
    }
    if ssh:
        config["ssh"] = {
            "hostKey": layout.secret("ssh_host_ca_key"),
            "userKey": layout.secret("ssh_user_ca_key"),
        }
    config["logger"] = {"format": "text"}
    if not options.no_db:
        config["db"] = {
            "type": "badgerv2",
            "dataSource": layout.database,
            "badgerFileLoadingMode": "",
        }
    config["authority"] = authority(options, answers)
    config["tls"] = TLS
    if ssh:
        config["templates"] = {"ssh": ssh_templates.ENTRIES}
    if options.admin_subject:
        config["newel"] = {"registration": {"firstAdministrator": options.admin_subject}}
    return config


def authority(options: "InitOptions", answers: Answers) -> dict[str, Any]:
    """Who issues, and the provisioners: with remote management they move into the database at the first start."""
    section: dict[str, Any] = dict(answers.parent.members) if answers.parent else {}
    if answers.kind == LINKED:
        return section | {"enableAdmin": True}
    if options.remote_management:
        section["enableAdmin"] = True
    return section | {"provisioners": provisioners(options, answers)}


def provisioners(options: "InitOptions", answers: Answers) -> list[dict[str, Any]]:
    """Return the first provisioner, and those that --acme and --ssh add."""
    ssh = options.ssh
    first = escrow.new_jwk_provisioner(answers.provisioner, answers.provisioner_password)
    claims = {"claims": {"enableSSHCA": True}} if ssh else {}
    found = [first | claims]
    if options.acme:
        found.append({"type": "ACME", "name": free_name("acme", answers.provisioner)})
    if ssh:
        found.append({"type": "SSHPOP", "name": free_name("sshpop", answers.provisioner), **claims})
    return found


def federated_name(number: int) -> str:
    """Return the name of the file with the root of another authority, counted from 0."""
    return f"federated_root_{number + 1}.crt"


def free_name(name: str, taken: str) -> str:
    """Return the name, or another where the first provisioner has it."""
    return f"{name}-1" if name == taken else name


def defaults(
    options: "InitOptions", answers: Answers, layout: Layout, fingerprint: str
) -> dict[str, Any]:
    """Return the saved defaults for commands on this machine."""
    return {
        "ca-url": options.with_ca_url or ca_url(answers, helm=options.helm),
        "ca-config": layout.ca_json,
        "fingerprint": fingerprint,
        "root": layout.certificate("root_ca.crt"),
    }


def ca_url(answers: Answers, *, helm: bool = False) -> str:
    """Return the first name with the port, unless that is the usual one."""
    host, port = answers.dns[0], answers.address.rpartition(":")[2]
    host = f"[{host}]" if ":" in host else host
    return f"https://{host}" if helm or port == "443" else f"https://{host}:{port}"


def as_file(members: dict[str, Any]) -> bytes:
    """Tabs, and no newline at the end."""
    return json.dumps(members, indent="\t", ensure_ascii=False).encode()
