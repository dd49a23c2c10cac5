"""Certificates that prove an identity: those of this authority prove nothing once they are revoked."""

from newel.crypto import loading
from newel.crypto.certificate import subject_public_key_info
from newel.registration.errors import unauthorized_error
from newel.registration.issuance import Issuance
from newel.registration.trust import Trust
from newel.runtime.errors import ErrorType, NewelError


async def require_standing(der: bytes, trust: Trust, issuance: Issuance) -> None:
    """Require that a certificate is of another authority, or on record here and not revoked.

    Its chain was verified; whether another authority revoked it is not known here. Of either its key
    must not be declared compromised. Raises ``unauthorized``, and ``unavailable`` when the record
    cannot be read.
    """
    certificate = loading.load_certificate(der)
    if await issuance.is_blocked(subject_public_key_info(certificate)):
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            "",
            cause="the key of the certificate that proves the identity was declared compromised",
            compromised_key=True,
        )
    subjects = (each.certificates[0].subject for each in trust.issuers.values())
    if certificate.issuer not in subjects:
        return
    record = await issuance.find(der=der)
    if record is None:
        if trust.has_issued(certificate):
            raise unauthorized_error("the certificate that proves the identity is not on record")
    elif record.is_revoked:
        raise unauthorized_error("the certificate that proves the identity is revoked")
