"""The keys that sign identity documents: AWS's own by region, or those of an operator's file.

A key is trusted because it is named here, so the validity of the certificate that AWS publishes it in
decides nothing (RFC 5280 §6.1.1 (d): a trust anchor is a name and a key).
"""

import base64
import functools
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newel.crypto.loading import CertificateError, load_pem_certificates, read_public_key

_PACKAGE = "newel.registration.provisioners.aws"
_TABLE = "keys.tsv"
_MAX_FILE = 1 << 20
_MAX_CERTIFICATES = 128
_MIN_BITS = 1024  # AWS signs with no more


class DocumentKeys:
    """RSA keys by region, or keys that speak for every region."""

    def __init__(
        self,
        by_region: Mapping[str, Sequence[rsa.RSAPublicKey]],
        everywhere: Sequence[rsa.RSAPublicKey] = (),
    ) -> None:
        self._by_region = by_region
        self._everywhere = everywhere

    def find(self, region: str) -> Sequence[rsa.RSAPublicKey]:
        """Return the keys that sign for a region; none for a region that is not known."""
        return self._by_region.get(region, self._everywhere)


@functools.cache
def published_keys() -> DocumentKeys:
    """Return AWS's keys, as ``keys.tsv`` beside this module has them with their source."""
    by_region: dict[str, list[rsa.RSAPublicKey]] = {}
    table = resources.files(_PACKAGE).joinpath(_TABLE).read_text()
    for line in table.splitlines():
        if line and not line.startswith("#"):
            region, _, key = line.split("\t")
            by_region.setdefault(region, []).append(_require_rsa(base64.b64decode(key)))
    return DocumentKeys(by_region)


def read_keys(file: str) -> DocumentKeys:
    """Return the keys of the certificates in a PEM file. Raises ValueError."""
    try:
        with Path(file).open("rb") as source:
            text = source.read(_MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"iidRoots: {file}: {error.strerror}") from None
    if len(text) > _MAX_FILE:
        raise ValueError(f"iidRoots: {file} is longer than {_MAX_FILE} octets")
    try:
        keys = [read_public_key(each) for each in load_pem_certificates(text)]
    except CertificateError as error:
        raise ValueError(f"iidRoots: {file}: {error}") from None
    if len(keys) > _MAX_CERTIFICATES:
        raise ValueError(f"iidRoots: {file} has more than {_MAX_CERTIFICATES} certificates")
    usable = [
        key for key in keys if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_BITS
    ]
    if len(usable) != len(keys):
        raise ValueError(f"iidRoots: {file} has a key that is not RSA of {_MIN_BITS} bits or more")
    return DocumentKeys({}, usable)


def _require_rsa(spki: bytes) -> rsa.RSAPublicKey:
    key = load_der_public_key(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("a key of the table is not RSA")
    return key
