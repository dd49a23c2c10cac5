"""What an attestation proves."""

from typing import NamedTuple

from newel.crypto.keys import PublicKey
from newel.crypto.reader.certificates import Certificate


class AttestationProof(NamedTuple):
    """A key that hardware holds, and whose hardware that is."""

    key: PublicKey
    """The attested key, which the certificate has to be for."""
    identifiers: tuple[str, ...]
    """The names of the device that the attestation states: serial numbers and the like."""
    path: list[Certificate]
    """From the attestation certificate to the root."""
