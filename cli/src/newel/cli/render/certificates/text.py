"""A certificate or request as text, in the layout people know from OpenSSL."""

from newel.cli.render.certificates.layout import columns, join
from newel.crypto.reader import names, public_keys
from newel.crypto.reader.certificates import Certificate, Request

KEY_COLUMNS = 15
SIGNATURE_COLUMNS = 18


def certificate_text(shown: Certificate) -> str:
    """Return the whole certificate."""
    from newel.cli.render.certificates.text_extensions import extension_lines

    serial = f"0x{public_keys.unsigned_octets(abs(shown.serial)).hex()}"
    algorithm = public_keys.signature_name(shown.algorithm)
    lines = [
        "Certificate:",
        "    Data:",
        f"        Version: {shown.version} ({shown.version - 1:#x})",
        f"        Serial Number: {shown.serial} ({serial})",
        f"        Signature Algorithm: {algorithm}",
        f"        Issuer: {names.format_name(shown.issuer)}",
        "        Validity",
        f"            Not Before: {moment(shown.not_before)}",
        f"            Not After : {moment(shown.not_after)}",
        *subject_lines(shown.subject, shown.spki),
    ]
    for title, octets in (("Issuer", shown.issuer_id), ("Subject", shown.subject_id)):
        if octets:
            lines.append(f"        {title} Unique ID: {octets.hex(':')}")
    if shown.version == 3 and shown.extensions:
        lines.append("        X509v3 extensions:")
        for extension in shown.extensions:
            lines += extension_lines(extension)
    return join([*lines, *signature_lines(algorithm, shown.signature)])


def request_text(shown: Request) -> str:
    """Return the whole request."""
    from newel.cli.render.certificates.text_requests import requested_lines

    algorithm = public_keys.signature_name(shown.algorithm)
    lines = [
        "Certificate Request:",
        "    Data:",
        f"        Version: {shown.version} ({max(shown.version - 1, 0):#x})",
        *subject_lines(shown.subject, shown.spki),
    ]
    if shown.version == 0 and shown.extensions:
        lines += ["        Requested Extensions:", *requested_lines(shown.extensions)]
    return join([*lines, *signature_lines(algorithm, shown.signature)])


def moment(at: object) -> str:
    """Return a time as ``Nov 21 09:58:21 2026 UTC``."""
    return f"{at:%b} {at:%d}".replace(" 0", " ") + f" {at:%H:%M:%S} {at:%Y} UTC"


def subject_lines(subject: bytes, spki: bytes) -> list[str]:
    """Return the subject and its key."""
    return [
        f"        Subject: {names.format_name(subject)}".rstrip(" "),
        "        Subject Public Key Info:",
        *key_lines(public_keys.parse_public_key(spki)),
    ]


def key_lines(key: public_keys.PublicKey) -> list[str]:
    """Return the numbers of a public key."""
    lines = [f"            Public Key Algorithm: {key.kind or 'unknown'}"]
    if key.kind != "DSA":
        bits = len(key.octets) if key.kind == "Ed25519" else key.bits
        lines.append(f"                Public-Key: ({bits} bit)")
    if key.kind == "RSA":
        exponent = int.from_bytes(key.parts["e"], "big")
        return [
            *lines,
            *block("Modulus", key.parts["n"]),
            f"                Exponent: {exponent} ({exponent:#x})",
        ]
    if key.kind == "ECDSA":
        points = [
            line for name in "xy" for line in block(name.upper(), key.parts[name].lstrip(b"\0"))
        ]
        return [*lines, *points, f"                Curve: {key.curve}"]
    if key.kind == "DSA":
        return [*lines, *(line for name, part in key.parts.items() for line in block(name, part))]
    return [*lines, *columns(key.octets, KEY_COLUMNS, 20)]


def block(title: str, octets: bytes) -> list[str]:
    """Return a number under its title."""
    return [f"                {title}:", *columns(octets, KEY_COLUMNS, 20)]


def signature_lines(algorithm: str, signature: bytes) -> list[str]:
    """Return the signature."""
    return [
        f"    Signature Algorithm: {algorithm}",
        *columns(signature, SIGNATURE_COLUMNS, 9),
    ]
