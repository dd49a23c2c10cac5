"""Extensions and names of single vendors as lines of text: step, YubiKey, Sigstore, TPM, CT logs."""

import datetime as dt
from collections.abc import Callable, Iterable

from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader.names import decode_string

PROVISIONERS = (
    "NOOP", "JWK", "OIDC", "GCP", "AWS", "Azure", "ACME", "X5C", "K8sSA", "SSHPOP", "SCEP", "Nebula",
)  # fmt: skip # words in rows
_ENDPOINTS = ("Unknown", "Device", "Workload", "People", "Agent", "Account")
_STEP = "1.3.6.1.4.1.37476.9000.64."
_YUBICO = "1.3.6.1.4.1.41482.3."
_SIGSTORE = "1.3.6.1.4.1.57264.1."
_FORMS = ("USB-A Keychain", "USB-A Nano", "USB-C Keychain", "USB-C Nano", "Lightning or USB-C")
_PIN = ("never", "once per session", "always")
_TOUCH = ("never", "always", "once per session")
_HASHES = ("None", "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512")
_SIGNERS = ("Anonymous", "RSA", "DSA", "ECDSA")
_TPM_NAMES = {
    "2.23.133.2.1": "TPM Manufacturer",
    "2.23.133.2.2": "TPM Model",
    "2.23.133.2.3": "TPM Version",
}

Lines = list[str]


def characters(value: bytes) -> Lines:
    """Return the octets as text, a dot for each that has no printable character."""
    return ["".join(c if c.isprintable() and c != "�" else "." for c in runes(value))]


def runes(value: bytes) -> str:
    """UTF-8 text with one U+FFFD for each octet that does not belong to a character."""
    text = value.decode(errors="surrogateescape")
    return "".join("�" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def pairs(flat: list[str]) -> Lines:
    """Return alternating keys and values; a key without a value has "-"."""
    return [f"{key}: {value}" for key, value in zip(flat[::2], [*flat[1::2], "-"], strict=False)]


def provisioner(value: bytes) -> Lines:
    """Return which provisioner let the certificate be issued."""
    found = values.provisioner(value)
    lines = [f"Type: {kind(PROVISIONERS, found.type)}", f"Name: {found.name}"]
    if found.credential:
        lines.append(f"CredentialID: {found.credential}")
    return lines + pairs(found.pairs)


def kind(known: tuple[str, ...], number: int) -> str:
    """Return the name of a number."""
    return known[number] if 0 <= number < len(known) else f"{number} (unknown)"


def registration_authority(value: bytes) -> Lines:
    """Return which registration authority asked for it."""
    inner = der.Reader(der.only(value).content)
    lines = [f"Type: {decode_string(inner.read())}"]
    if not inner.at_end and inner.peek() != der.SEQUENCE:
        lines.append(f"CertificateID: {decode_string(inner.read())}")
    if not inner.at_end:
        lines += pairs(
            [decode_string(one) for one in der.children(inner.read(der.SEQUENCE).content)]
        )
    return lines


def managed_endpoint(value: bytes) -> Lines:
    """Return which managed endpoint it is for."""
    inner = der.Reader(der.only(value).content)
    return [
        f"Kind: {kind(_ENDPOINTS, inner.integer())}",
        f"EndpointID: {decode_string(inner.read())}",
    ]


def managed_device(value: bytes) -> Lines:
    """Return which managed device it is for."""
    return [f"DeviceID: {decode_string(der.Reader(der.only(value).content).read())}"]


def comment(value: bytes) -> Lines:
    """Return the text of an older extension."""
    return [decode_string(der.Reader(value).read())]


def firmware(value: bytes) -> Lines:
    """Return a version, an octet for each number."""
    return [".".join(map(str, value)) or "unknown"]


def serial_number(value: bytes) -> Lines:
    """Return a device's number."""
    return [str(der.Reader(value).integer())]


def policy(value: bytes) -> Lines:
    """Return when a YubiKey asks for its PIN and for a touch."""
    lines: Lines = []
    for title, known, number in zip(("PIN", "Touch"), (_PIN, _TOUCH), value, strict=False):
        word = known[number - 1] if 1 <= number <= len(known) else f"unknown (0x{number:02x})"
        lines.append(f"{title} policy: {word}")
    return lines or ["unknown"]


def form_factor(value: bytes) -> Lines:
    """Return the form factor of a YubiKey; those certified for FIPS count from 81."""
    if not value:
        return ["unknown"]
    number, certified = (value[0] - 80, " (FIPS)") if value[0] > 80 else (value[0], "")
    return [
        _FORMS[number - 1] + certified
        if 1 <= number <= len(_FORMS)
        else f"unknown (0x{value[0]:02x})"
    ]


def plain(value: bytes) -> Lines:
    """Text that stands in the extension as it is."""
    return [value.decode(errors="replace")]


def timestamps(value: bytes) -> Lines:
    """Signed certificate timestamps (RFC 6962 §3.3)."""
    from base64 import b64encode

    from newel.cli.render.certificates.layout import columns

    lines: Lines = []
    for number, one in enumerate(timestamp_list(value)):
        hour = dt.datetime.fromtimestamp(one.time // 1000, dt.UTC)
        day = f"{hour:%b} {hour.day} {hour:%H:%M:%S}.{one.time % 1000:03d} {hour:%Y} UTC"
        lines += [
            f"SCT [{number}]:",
            f"    Version: V{one.version + 1} ({one.version:#x})",
            f"    LogID: {b64encode(one.log).decode()}",
            f"    Timestamp: {day}",
            f"    Signature Algorithm: {_HASHES[one.hash]}-{_SIGNERS[one.signer]}",
            *columns(one.signature, 18, 6),
        ]
    return lines


class Timestamp:
    """One SCT: version, log, time (ms), extensions, hash, signer, signature."""

    def __init__(self, data: bytes) -> None:
        self.version, self.log = data[0], data[1:33]
        self.time = int.from_bytes(data[33:41], "big")
        after = 43 + int.from_bytes(data[41:43], "big")
        self.extensions = data[43:after]
        self.hash, self.signer = data[after], data[after + 1]
        self.signature = data[after + 4 :]


def timestamp_list(value: bytes) -> list[Timestamp]:
    """Every SCT of the list in an extension's value."""
    data = der.only(value, der.OCTET_STRING).content
    found: list[Timestamp] = []
    at = 2
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        found.append(Timestamp(data[at + 2 : at + 2 + size]))
        at += 2 + size
    return found


def directory_attributes(value: bytes) -> Lines:
    """Return the first attribute; the specification a TPM follows is spelled out."""
    inner = der.Reader(der.Reader(der.only(value).content).read(der.SEQUENCE).content)
    oid, content = inner.oid(), inner.read(der.SET).content
    if oid == "2.23.133.2.16":
        spec = der.Reader(der.only(content).content)
        family, level, revision = decode_string(spec.read()), spec.integer(), spec.integer()
        return [f"TPM Specification: Family: {family}, Level: {level}, Revision: {revision}"]
    return [f"{oid}: 0x{content.hex()}"]


def other_names(others: Iterable[der.Element]) -> Lines:
    """Alternative names of the kinds only some vendors use; what cannot be read is left out."""
    lines: Lines = []
    for element in others:
        try:
            lines += other_name(element)
        except der.DERError:
            continue
    return lines


def other_name(element: der.Element) -> Lines:
    """Return an otherName, or the TPM attributes in a directoryName."""
    if element.tag == 0xA4:
        return tpm_names(element)
    if element.tag != 0xA0:
        return []
    inner = der.Reader(element.content)
    oid, content = inner.oid(), inner.read().content
    show = _OTHER_NAMES.get(oid)
    if show is not None:
        try:
            return show(content)
        except der.DERError:
            pass
    return [f"OtherName: Type: {oid}, Value: 0x{content.hex()}"]


def tpm_names(element: der.Element) -> Lines:
    """Manufacturer, model and version of a TPM."""
    lines: Lines = []
    for raw in der.split(der.only(element.content).content):
        inner = der.Reader(der.only(der.content(raw)).content)
        oid = inner.oid()
        if oid in _TPM_NAMES:
            lines.append(f"{_TPM_NAMES[oid]}: {decode_string(inner.read())}")
    return lines


def permanent_identifier(content: bytes) -> Lines:
    """RFC 4043."""
    inner = der.Reader(der.only(content).content)
    value = inner.optional(der.UTF8_STRING)
    text = f"Permanent Identifier: {decode_string(value)}" if value else ""
    assigner = "" if inner.at_end else f", Assigner: {inner.oid()}"
    return [text + assigner]


def hardware_module(content: bytes) -> Lines:
    """RFC 4108 §5."""
    inner = der.Reader(der.only(content).content)
    oid, serial = inner.oid(), inner.read().content.decode(errors="replace")
    return [f"Hardware Module Name: Type: {oid}, Serial Number: {serial}"]


_OTHER_NAMES: dict[str, Callable[[bytes], Lines]] = {
    "1.3.6.1.5.5.7.8.3": permanent_identifier,
    "1.3.6.1.5.5.7.8.4": hardware_module,
    "1.3.6.1.4.1.311.20.2.3": lambda content: [f"UPN: {decode_string(der.Reader(content).read())}"],
    f"{_SIGSTORE}7": lambda content: [
        f"Sigstore Identity: {decode_string(der.Reader(content).read())}"
    ],
}

TITLES: dict[str, tuple[str, Callable[[bytes], Lines]]] = {
    "2.16.840.1.113730.1.13": ("Netscape Comment", comment),
    oids.STEP_PROVISIONER: ("X509v3 Step Provisioner", provisioner),
    f"{_STEP}2": ("X509v3 Step Registration Authority", registration_authority),
    f"{_STEP}3": ("X509v3 Step Managed Endpoint", managed_endpoint),
    f"{_STEP}4": ("X509v3 Step Managed Device", managed_device),
    "1.3.6.1.4.1.11129.2.4.2": ("RFC6962 Certificate Transparency SCT", timestamps),
    f"{_YUBICO}3": ("X509v3 YubiKey Firmware Version", firmware),
    f"{_YUBICO}7": ("X509v3 YubiKey Serial Number", serial_number),
    f"{_YUBICO}8": ("X509v3 YubiKey Policy", policy),
    f"{_YUBICO}9": ("X509v3 YubiKey Formfactor", form_factor),
    f"{_YUBICO}10": ("X509v3 YubiKey Certification", lambda _: ["FIPS Certified"]),
    f"{_YUBICO}11": ("X509v3 YubiKey Certification", lambda _: ["CSPN Certified"]),
    f"{_SIGSTORE}1": ("Sigstore OIDC Issuer", plain),
    f"{_SIGSTORE}2": ("Sigstore GitHub Workflow Trigger", plain),
    f"{_SIGSTORE}3": ("Sigstore GitHub Workflow SHA Hash", plain),
    f"{_SIGSTORE}4": ("Sigstore GitHub Workflow Name", plain),
    f"{_SIGSTORE}5": ("Sigstore GitHub Workflow Repository", plain),
    f"{_SIGSTORE}6": ("Sigstore GitHub Workflow Ref", plain),
}
"""Each extension's title and what makes the lines below it."""
