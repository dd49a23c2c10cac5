"""Where certificates come from: files in PEM, DER or PKCS #7, stdin, and TLS servers."""

import base64
import binascii
import os
import re
from typing import NamedTuple

from newel.cli.errors import CliError
from newel.cli.store.files import read
from newel.crypto import der
from newel.crypto.reader import certificates as reader

PORTS = {"tcp": 443, "tls": 443, "https": 443, "smtps": 465, "ldaps": 636}
REQUESTS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
ODD_CERTIFICATES = ("X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_PKCS_7 = re.compile(rb"-----BEGIN (PKCS7|PKCS #7 SIGNED DATA|CMS)-----")
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_HEAD = 32
"""In so many octets of a file in DER stands which kind of content it has (RFC 5652 §3)."""
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----(.*?)-----END \1-----", re.DOTALL)


class Block(NamedTuple):
    """A PEM block: its label and what it holds."""

    label: str
    data: bytes


def is_url(name: str) -> bool:
    """Say whether the word names a TLS server."""
    scheme, colon, _ = name.lower().partition("://")
    return bool(colon) and scheme in PORTS


def from_file(name: str, service: str | None = None) -> list[reader.Certificate]:
    """Return the certificates of a file, PEM or DER; where there is none, those of a key service."""
    if (service or ":" in name) and not os.path.exists(name):  # noqa: PTH110 - a name
        from newel.cli.operations.keys import kms

        if service or kms.is_uri(name):
            return bundle(kms.certificates(name, service), name)
    return bundle(contents(name), name)


def contents(name: str, said: str = "") -> bytes:
    """Return a file's octets, those of PKCS #7 as PEM; ``said`` precedes the reason in an error."""
    return unpack(raw_contents(name, said), name)


def raw_contents(name: str, said: str = "") -> bytes:
    """Return a file's octets as they are; ``said`` precedes the reason in an error."""
    try:
        return read(name)
    except CliError as error:
        text = str(error)
        if text == f"open {name}: no such file or directory":
            text = f"open {name} failed: no such file or directory"
        raise CliError(said + text) from None


def unpack(data: bytes, name: str) -> bytes:
    """Return the certificates of PKCS #7 (RFC 2315) in PEM, the leaf first; other octets as they are."""
    if not (_PKCS_7.search(data) if b"-----BEGIN " in data else _SIGNED_DATA in data[:_HEAD]):
        return data
    from newel.crypto import certificate_files

    try:
        found = certificate_files.order_chain(certificate_files.parse_certificates(data))
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None
    return "".join(map(pem, found)).encode()


def bundle(data: bytes, name: str) -> list[reader.Certificate]:
    """Return the certificates in PEM or DER. Raises NoCertificateError when there are none."""
    if b"-----BEGIN " not in data:
        try:
            return [reader.parse_certificate(data)]
        except der.DERError:
            raise NoCertificateError(name) from None
    found = [parse(block.data, name) for block in blocks(data) if block.label == "CERTIFICATE"]
    if not found:
        raise NoCertificateError(name)
    return found


def parse(data: bytes, name: str) -> reader.Certificate:
    """One certificate in DER."""
    try:
        return reader.parse_certificate(data)
    except der.DERError as error:
        raise CliError(f"error parsing {name}: x509: malformed certificate: {error}") from None


def request(data: bytes) -> reader.Request | None:
    """Return the request in PEM or DER, None when there is none."""
    if b"-----BEGIN " in data:
        data = next((block.data for block in blocks(data) if block.label in REQUESTS), b"")
    try:
        return reader.parse_request(data)
    except der.DERError:
        return None


def blocks(data: bytes) -> list[Block]:
    """Return the PEM blocks of a text, in order; what is not base64 is left out, as is all around them."""
    found: list[Block] = []
    for match in _BLOCK.finditer(data):
        body = match[2].rpartition(b"\n\n")[2] if b":" in match[2] else match[2]
        try:
            octets = binascii.a2b_base64(body.translate(None, b" \t\r\n"), strict_mode=True)
        except binascii.Error:
            continue
        found.append(_relabel(match[1].decode(), octets))
    return found


def _relabel(label: str, octets: bytes) -> Block:
    """Return a block under the label that every program writes today.

    OpenSSL of old wrote ``X509 CERTIFICATE``; its ``-trustout`` puts after the certificate what it is trusted for.
    """
    if label not in ODD_CERTIFICATES:
        return Block(label, octets)
    try:
        return Block("CERTIFICATE", der.split(octets)[0])
    except (der.DERError, IndexError):
        return Block(label, octets)


def pem(data: bytes, label: str = "CERTIFICATE") -> str:
    """One PEM block."""
    body = base64.b64encode(data).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


class NoCertificateError(CliError):
    """The file holds no certificate; it may hold something else."""

    def __init__(self, name: str) -> None:
        super().__init__(f"error parsing {name}: does not contain a valid PEM encoded certificate")
