"""The first start: an authority made under the state folder, whole or not at all."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

from newel.runtime.config import ConfigError, read_secret_octets
from newel.runtime.entropy import random_password
from newel.signer.app import AuthorityFiles, create_authority
from newel.standalone import administrator, ssh_keys, unfinished
from newel.standalone.addresses import HTTP_ADDRESS, HTTPS_ADDRESS
from newel.standalone.layout import Layout
from newel.standalone.options import Options
from newel.standalone.settings import Settings, plain_url, write_settings
from newel.step import ca_json, messages
from newel.step.escrow import new_jwk_provisioner
from newel.step.provisioners import ProvisionerConfig, from_mapping

PASSWORD_OCTETS = 24
NAME = "Newel"
MANAGING_PROVISIONER = "Admin JWK"


def create(layout: Layout, options: Options, now: dt.datetime) -> None:
    """Make keys, certificates, provisioners and configuration.

    ``ca.json`` is written last: a start that dies before it begins again from nothing, because the half-made
    files are removed. Raises OSError, ConfigError for a folder in which someone else's files are, and
    CeremonyError from the signer.
    """
    if options.password_file is not None:
        read_password(options.password_file)
    unfinished.require_nothing_of_others(layout)
    for name in ("certs", "config", "secrets", "db", "log"):
        (layout.state / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished.begin(layout)
    password_file = options.password_file or make_password(layout.password)
    administrator.make_key(layout)
    ca = configuration(layout, options, password_file)
    names = ca.dns_names or ["localhost"]
    http_url = layout.given_http_url.rstrip("/") or plain_url(names[0], ca.insecure_address)
    fingerprint = create_authority(
        authority_files(layout, password_file),
        options.name or NAME,
        now,
        root_crl_url=f"{http_url}/crl/{{issuer}}.crl",
    )
    if options.ssh:
        ca.ssh = ssh_keys.create(layout, read_password(password_file))
        ca.templates = ssh_keys.write_templates(layout)
    address = ca.address
    port = address.rpartition(":")[2]
    # the root and ca.json are where every STEPPATH has them, and so found after the folder has moved
    defaults = ca_json.Defaults(
        ca_url=f"https://{url_host(names[0])}:{port}", fingerprint=fingerprint
    )
    layout.defaults_json.write_text(ca_json.write_defaults(defaults))
    write_settings(layout.ca_json, ca)
    unfinished.end(layout)


def authority_files(
    layout: Layout, password_file: Path, settings: Settings | None = None
) -> AuthorityFiles:
    """Where the signer's ceremony puts what it makes; with ``settings`` the issuer is the one named there."""
    ca = settings.ca if settings else None
    return AuthorityFiles(
        root_certificate=layout.root_certificate,
        root_key=layout.root_key,
        intermediate_certificate=Path(ca.crt) if ca else layout.intermediate_certificate,
        intermediate_key=layout.intermediate_key,
        responder_certificate=layout.responder_certificate,
        responder_key=layout.responder_key,
        password_file=password_file,
        record=layout.ceremony,
        root_crl=layout.root_crl,
        intermediate_store=settings.key_store(settings.ca.key, password_file) if settings else None,
    )


def make_password(path: Path) -> Path:
    """Write a new password to a file only its owner can read; an existing one is kept."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(random_password(PASSWORD_OCTETS) + "\n")
    return path


def read_password(path: Path) -> bytes:
    """Read the password of all keys. Raises ConfigError for a file that is missing, open to all or empty."""
    password = read_secret_octets(path)
    if not password:
        raise ConfigError(f"{path}: the password is empty")
    return password


def make_managing_provisioner(password_file: Path) -> ProvisionerConfig:
    """Make the provisioner that vouches for the first administrator of remote management.

    Its password is that of the authority's keys, its name and its claims are those of step-ca's.
    """
    record = new_jwk_provisioner(MANAGING_PROVISIONER, read_password(password_file))
    return from_mapping({**record, "claims": {"defaultTLSCertDuration": "5m0s"}})


def configuration(layout: Layout, options: Options, password_file: Path) -> ca_json.CAConfig:
    """Build the first ca.json. Its paths begin at the state folder, which can be moved as it is."""
    password = read_password(password_file)
    names = list(options.dns) or ["localhost", "127.0.0.1", "::1"]
    first = {"subject": administrator.SUBJECT, "provisioner": administrator.PROVISIONER}
    newel: dict[str, Any] = {"inventory": {"administrators": [first]}}
    if options.password_file is not None:
        newel["passwordFile"] = str(password_file)

    claims = {"claims": {"enableSSHCA": True}} if options.ssh else {}
    provisioners: list[dict[str, Any]] = [
        # anyone who has this password runs the authority, and may revoke what ACME clients got
        {
            **new_jwk_provisioner(administrator.PROVISIONER, password),
            "newel": {"revokesAny": True},
            **claims,
        },
        {"type": "ACME", "name": "acme"},
    ]
    if options.ssh:
        provisioners.append({"type": "SSHPOP", "name": "sshpop", **claims})

    def below(path: Path) -> str:
        return str(path.relative_to(layout.state))

    return ca_json.CAConfig(
        root=below(layout.root_certificate),
        crt=below(layout.intermediate_certificate),
        key=below(layout.intermediate_key),
        address=options.address or HTTPS_ADDRESS,
        insecure_address=options.http_address or HTTP_ADDRESS,
        metrics_address=options.metrics_address,
        dns_names=names,
        logger=ca_json.Logger(format="json"),
        db=ca_json.DB(type="newel", data_source="db"),
        authority=ca_json.Authority(
            enable_admin=options.remote_management, provisioners=provisioners
        ),
        tls=messages.TLSOptions(),
        newel=newel,
    )


def url_host(name: str) -> str:
    """Return a name or address as it is written in a URL."""
    return f"[{name}]" if ":" in name else name
