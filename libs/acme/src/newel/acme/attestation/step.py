"""The format ``step``: a hardware key with an attestation certificate, as a YubiKey has it.

The certificate's own key signs the key authorization, so that an old attestation is of no use.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from newel.acme.attestation import chains, cose, objects
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof
from newel.crypto import der
from newel.crypto.reader.certificates import Certificate

YUBICO_SERIAL_NUMBER = "1.3.6.1.4.1.41482.3.7"
"""The serial number of a YubiKey, an INTEGER."""
MANAGED_DEVICE = "1.3.6.1.4.1.37476.9000.64.4"
"""The identifier of a managed device, a SEQUENCE of one text."""
_TEXTS = frozenset({der.UTF8_STRING, der.PRINTABLE_STRING})


class StepStatement(msgspec.Struct, frozen=True):
    """``sig`` is a CBOR octet string that holds the signature."""

    alg: int
    sig: objects.Octets
    x5c: objects.Chain


def verify(
    statement: object, roots: Sequence[Certificate], authorization: str, now: dt.datetime
) -> AttestationProof:
    """Verify a statement over a key authorization. Raises :class:`AttestationError`."""
    found = objects.convert(statement, StepStatement, "the statement")
    path = chains.verify_chain(found.x5c, roots, now)
    key = chains.public_key(path[0])
    signature = objects.decode(found.sig, "sig")
    if not isinstance(signature, bytes):
        raise AttestationError("sig is not an octet string in CBOR")
    cose.verify(key, found.alg, signature, authorization.encode())
    return AttestationProof(key, _identifiers(path[0]), path)


def _identifiers(leaf: Certificate) -> tuple[str, ...]:
    """Read the serial number or the managed device's identifier, whichever there are."""
    found: list[str] = []
    try:
        number = leaf.extension(YUBICO_SERIAL_NUMBER)
        if number is not None:
            reader = der.Reader(number)
            found.append(str(reader.integer()))
            reader.end()
        device = leaf.extension(MANAGED_DEVICE)
        if device is not None:
            (text,) = der.children(der.only(device).content)
            if text.tag not in _TEXTS:
                raise AttestationError("the managed device's identifier is not a text")
            found.append(text.content.decode())
    except (der.DERError, ValueError) as error:
        raise AttestationError(f"the device's identifier cannot be read: {error}") from None
    return tuple(found)
