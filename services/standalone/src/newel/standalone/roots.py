"""Which of the roots in ca.json the issuing certificate's chain ends at."""

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import certificate_files, loading
from newel.standalone.settings import Settings


class Root(NamedTuple):
    """One root and the file it is in."""

    file: str
    der: bytes


def own_root(settings: Settings) -> Root:
    """The root that clients need; the first one where none fits. Raises OSError and ValueError."""
    by_der = {
        der: Root(file, der)
        for file in settings.ca.roots
        for der in certificate_files.read_certificates(Path(file))
    }
    chain = certificate_files.read_certificates(Path(settings.ca.crt))
    top = loading.load_certificate(chain[-1])
    found = loading.find_issuer(top, map(loading.load_certificate, by_der))
    return by_der[found.public_bytes(Encoding.DER)] if found else next(iter(by_der.values()))
