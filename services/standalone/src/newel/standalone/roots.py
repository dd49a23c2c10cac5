"""Which of the roots in ca.json the issuing certificate's chain ends at."""

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import certificate_files
from newel.crypto.authority_chain import ChainError, find_chain
from newel.standalone.settings import Settings


class Root(NamedTuple):
    """One root and the file it is in."""

    file: str
    der: bytes


def own_root(settings: Settings) -> Root:
    """Return the root that clients need; the first one where none fits. Raises OSError and ValueError."""
    by_der = {
        der: Root(file, der)
        for file in settings.ca.roots
        for der in certificate_files.read_certificates(Path(file))
    }
    chain = certificate_files.read_certificates(Path(settings.ca.crt))
    try:
        root = find_chain(chain, list(by_der)).root.public_bytes(Encoding.DER)
    except ChainError:
        return next(iter(by_der.values()))  # the issuing authority says what is wrong with it
    return by_der[root]
