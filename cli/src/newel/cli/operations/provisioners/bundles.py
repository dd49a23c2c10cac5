"""PEM files that provisioners are made from, looked into before an authority that cannot start finds out."""

import base64
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from newel.cli.errors import CliError
from newel.cli.operations.certificates.sources import contents

if TYPE_CHECKING:
    from cryptography import x509

Found = TypeVar("Found")

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----.*?-----END \1-----", re.DOTALL)


def certificates(names: Iterable[str]) -> str:
    """Return the certificates of authorities in some files, as records have them. Raises CliError."""
    return _bundle(names, _authority)


def public_keys(names: Iterable[str]) -> str:
    """Return the public keys in some files. Raises CliError."""
    return _bundle(names, _public_key)


def nebula_certificates(names: Iterable[str]) -> str:
    """Return the Nebula authorities' certificates in some files, without those of hosts. Raises CliError."""
    found: list[bytes] = []
    for name in names:
        blocks = [block for block, taken in _blocks(name, _is_nebula_authority) if taken]
        if not blocks:
            raise CliError(f"error reading {name}: there is no certificate of an authority in it")
        found += blocks
    return _encode(found)


def first_certificate(names: Iterable[str]) -> str:
    """Return the first certificate of a file. Raises CliError."""
    return _encode(_blocks(name, _certificate)[0][0] for name in names)


def encrypted_key(names: Iterable[str]) -> str:
    """Return a private key, still encrypted. Raises CliError."""
    return _encode(_blocks(name, _private_key)[0][0] for name in names)


def _bundle(names: Iterable[str], check: Callable[[bytes, bytes], object]) -> str:
    return _encode(block for name in names for block, _ in _blocks(name, check))


def _encode(blocks: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(blocks)).decode()


def _blocks(name: str, check: Callable[[bytes, bytes], Found]) -> list[tuple[bytes, Found]]:
    """Return the blocks of a file with what the check finds in each. Raises CliError."""
    found = [(match[0] + b"\n", match[1]) for match in _BLOCK.finditer(contents(name))]
    if not found:
        raise CliError(f"error reading {name}: there is nothing in PEM in it")
    try:
        return [(block, check(block, label)) for block, label in found]
    except ValueError as error:
        raise CliError(f"error reading {name}: {error}") from None


def _certificate(block: bytes, label: bytes) -> "x509.Certificate":
    from newel.crypto import loading

    _require(label == b"CERTIFICATE", "it holds something else than certificates")
    return loading.load_pem_certificate(block)


def _authority(block: bytes, label: bytes) -> None:
    from cryptography import x509

    from newel.cli.operations.certificate_requests import common_name
    from newel.crypto import loading

    certificate = _certificate(block, label)
    try:
        usage = loading.read_extensions(certificate).get_extension_for_class(x509.KeyUsage).value
        may = usage.key_cert_sign
    except x509.ExtensionNotFound:
        may = False
    _require(may, f"the certificate of '{common_name(certificate)}' may not sign certificates")


def _is_nebula_authority(block: bytes, label: bytes) -> bool:
    from newel.crypto.nebula import certificates

    labels = {certificates.V1_LABEL.encode(), certificates.V2_LABEL.encode()}
    _require(label in labels, "it holds something else than Nebula certificates")
    return certificates.parse_pem(block.decode("ascii", "replace"))[0].is_ca


def _public_key(block: bytes, label: bytes) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    _require(label.endswith(b"PUBLIC KEY"), "it holds something else than public keys")
    load_pem_public_key(block)


def _private_key(_: bytes, label: bytes) -> None:
    _require(label.endswith(b"PRIVATE KEY"), "it holds no private key")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
