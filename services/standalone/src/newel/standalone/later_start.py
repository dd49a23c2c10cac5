"""A later start: what its flags say and the stored configuration says otherwise, in one line each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from cryptography.x509.oid import NameOID

from newel.crypto.authority_chain import own_certificate
from newel.crypto.certificate_files import read_certificates
from newel.crypto.loading import load_certificate
from newel.runtime.http.addresses import parse_address
from newel.standalone.layout import Layout
from newel.standalone.options import Options
from newel.standalone.settings import Settings

_INTERMEDIATE = " Intermediate CA"


def differences(layout: Layout, options: Options, settings: Settings) -> Iterator[str]:
    """Yield a line for each flag that this start cannot honour, or that leaves something behind."""
    file = layout.ca_json
    if options.name and options.name != (name := authority_name(settings)):
        yield (
            f"--name {options.name} is ignored: this authority was made as {name!r}; "
            "a name counts on the first start only"
        )
    if options.dns and options.dns != settings.dns_names:
        yield (
            f"--dns {','.join(options.dns)} is ignored: dnsNames in {file} are "
            f"{', '.join(settings.dns_names)}; change them there"
        )
    if options.ssh and settings.ca.ssh is None:
        yield (
            "--ssh is ignored: this authority has no SSH keys, and only a first start makes them;"
            " docs/provisioners.md says how they are added"
        )
    if options.remote_management and not settings.authority.enable_admin:
        yield (
            "--remote-management is ignored: it counts on the first start only; set authority.enableAdmin"
            f" in {file}"
        )
    if port_of(options.address) not in (None, port_of(settings.ca.address)):
        yield from _left_behind(layout, options.address)
    stored = settings.ca.insecure_address
    if options.http_address and port_of(options.http_address) != port_of(stored):
        yield (
            f"certificates issued before name {stored or 'no address'} for OCSP and CRLs; "
            f"this start answers on {options.http_address} only"
        )


def authority_name(settings: Settings) -> str:
    """Return the name in the issuer's certificate."""
    given = read_certificates(Path(settings.ca.crt))
    certificate = load_certificate(own_certificate(given))
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value).removesuffix(_INTERMEDIATE) if found else ""


def default_url(layout: Layout) -> str:
    """Return the address that the command line takes from ``config/defaults.json``; "" without one."""
    try:
        found: Any = json.loads(layout.defaults_json.read_bytes())
    except (OSError, ValueError):
        return ""
    members = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return str(members.get("ca-url") or "")


def port_of(address: str) -> int | None:
    """Return the port of an address; None for no address or an invalid one."""
    try:
        return parse_address(address).port
    except ValueError:
        return None


def _left_behind(layout: Layout, address: str) -> Iterator[str]:
    url = default_url(layout)
    if url and not url.rstrip("/").endswith(f":{port_of(address)}"):
        yield (
            f"this start serves on {address}, and {layout.defaults_json} still names {url}; "
            "set STEP_CA_URL, or change ca-url there"
        )
