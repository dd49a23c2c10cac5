"""`newel ssh inspect`: what an SSH certificate says, as text or JSON."""

import base64
import datetime as dt
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.ssh.certificate_files import read_certificate
from newel.cli.store.files import read
from newel.crypto.ssh.certificates import FOREVER, Certificate, parse
from newel.crypto.ssh.public_keys import format_key, kind_and_size
from newel.crypto.ssh.wire import WireError

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHInspectOptions


ACROSS = 16
LATEST = 253402300799


def run(call: "SSHInspectOptions") -> None:
    """Print the certificate of a file or of stdin."""
    name = (call.positionals(0, 1) or ["-"])[0]
    form = "json" if call.json and not call.is_given("format") else call.format
    if form not in {"text", "json"}:
        raise UsageError(f"invalid value '{form}' for flag '--format'; options are text, json")
    certificate = certificate_in(read(name))
    try:
        if form == "json":
            from newel.cli.interact.terminal import show_json

            show_json(as_json(certificate))
        else:
            print("\n".join((f"{name}:", *lines(certificate))))
    except WireError as error:
        raise CliError(str(error)) from None


def certificate_in(data: bytes) -> Certificate:
    """Return the certificate of a line, or of base64 alone."""
    try:
        return parse(base64.b64decode(data.strip(), validate=True))
    except ValueError:
        return read_certificate(data)


def lines(certificate: Certificate) -> list[str]:
    """Return the text form without the file's name."""
    authority, _ = kind_and_size(certificate.signature_key)
    key, _ = kind_and_size(certificate.public_key)
    signer = format_key(certificate.signature_key)
    hexes = [f"{octet:02x}" for octet in certificate.signature]
    rows = [hexes[start : start + ACROSS] for start in range(0, len(hexes), ACROSS)]
    return [
        f"        Type: {certificate.type} {certificate.kind} certificate",
        f"        Public key: {key}-CERT {format_key(certificate.public_key)}",
        f"        Signing CA: {authority} {signer} (using {certificate.signature_type})",
        f'        Key ID: "{certificate.key_id}"',
        f"        Serial: {certificate.serial}",
        f"        Valid: {validity(certificate)}",
        *list_lines("Principals", certificate.principals),
        *list_lines("Critical Options", pairs(certificate.critical_options)),
        *list_lines("Extensions", pairs(certificate.extensions)),
        "        Signature:",
        *(" " * 16 + ":".join(row) + ":" * (row is not rows[-1]) for row in rows),
    ]


def list_lines(title: str, items: list[str]) -> list[str]:
    """Return a title, and below it the items, or that there are none."""
    if not items:
        return [f"        {title}: (none)"]
    return [f"        {title}: ", *(f"                {item}" for item in items)]


def pairs(options: dict[str, str]) -> list[str]:
    """Return options with their values, which most have not."""
    return [f"{name} {value}" for name, value in sorted(options.items())]


def validity(certificate: Certificate) -> str:
    """From when to when, in the zone of the person who looks, as ssh-keygen says it."""
    if certificate.valid_before == FOREVER:
        return "forever"
    after, before = (local(each) for each in (certificate.valid_after, certificate.valid_before))
    return f"from {after:%Y-%m-%dT%H:%M:%S} to {before:%Y-%m-%dT%H:%M:%S}"


def local(seconds: int) -> dt.datetime:
    """Return the moment in the local zone; those after the year 9999 are shown as its end."""
    return dt.datetime.fromtimestamp(min(seconds, LATEST), dt.UTC).astimezone()


def moment(seconds: int) -> str:
    """RFC 3339 in the local zone; no end is the first moment there is."""
    if seconds == FOREVER:
        return "0001-01-01T00:00:00Z"
    text = local(seconds).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def as_json(certificate: Certificate) -> dict[str, Any]:
    """Return the members of the JSON form, in their order."""
    authority, _ = kind_and_size(certificate.signature_key)
    key, _ = kind_and_size(certificate.public_key)
    value = base64.b64encode(certificate.signature).decode()
    return {
        "Type": certificate.kind,
        "KeyName": certificate.type,
        "KeyID": certificate.key_id,
        "KeyAlgo": key,
        "KeyFingerprint": format_key(certificate.public_key),
        "SigningKeyAlgo": authority,
        "SigningKeyFingerprint": format_key(certificate.signature_key),
        "Signature": {"Type": certificate.signature_type, "Value": value},
        "Serial": certificate.serial,
        "ValidAfter": moment(certificate.valid_after),
        "ValidBefore": moment(certificate.valid_before),
        "Principals": certificate.principals or None,
        "CriticalOptions": certificate.critical_options,
        "Extensions": certificate.extensions,
    }
