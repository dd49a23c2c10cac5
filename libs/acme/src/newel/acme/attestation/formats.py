"""The formats of attestations, and the roots of the makers of devices."""

import base64
import datetime as dt
import functools
import hashlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from importlib import resources

from newel.acme.attestation import android_key, apple, objects, step, tpm
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof
from newel.crypto.reader.certificates import Certificate, parse_certificate

APPLE, STEP, TPM, ANDROID_KEY = "apple", "step", "tpm", "android-key"
FORMATS = (APPLE, STEP, TPM, ANDROID_KEY)
"""Every format that is known here."""


@functools.cache
def published_roots() -> dict[str, tuple[Certificate, ...]]:
    """Return the makers' roots by format, as ``roots.tsv`` beside this module has them with their source.

    No maker has one for ``tpm``: the operator who enrols attestation keys certifies them.
    """
    found: dict[str, tuple[Certificate, ...]] = dict.fromkeys(FORMATS, ())
    table = resources.files("newel.acme.attestation").joinpath("roots.tsv").read_text()
    for line in table.splitlines():
        if line and not line.startswith("#"):
            name, digest, _, encoded = line.split("\t")
            octets = base64.b64decode(encoded)
            if hashlib.sha256(octets).hexdigest() != digest:
                raise ValueError(f"roots.tsv: a root of {name} is not the one with its hash")
            found[name] += (parse_certificate(octets),)
    return found


def verify(
    attestation: objects.AttestationObject,
    roots: Sequence[Certificate],
    *,
    token: str,
    authorization: str,
    now: dt.datetime,
    revoked: AbstractSet[str] = frozenset(),
) -> AttestationProof:
    """Verify an attestation object of any format to these roots. Raises :class:`AttestationError`.

    ``revoked`` are serial numbers of Android's status list; other formats have none.
    """
    statement = attestation.statement
    match attestation.format:
        case "apple":
            return apple.verify(statement, roots, token, now)
        case "step":
            return step.verify(statement, roots, authorization, now)
        case "tpm":
            return tpm.verify(statement, roots, authorization, now)
        case "android-key":
            return android_key.verify(statement, roots, authorization, now, revoked)
        case _:
            raise AttestationError(f"the format {attestation.format[:32]!r} is not known here")
