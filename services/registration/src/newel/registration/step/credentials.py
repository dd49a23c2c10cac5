"""Certificates that prove an identity: those of this authority prove nothing once they are revoked."""

from newel.crypto import loading
from newel.registration.errors import unauthorized_error
from newel.registration.issuance import Issuance
from newel.registration.trust import Trust


async def require_standing(der: bytes, trust: Trust, issuance: Issuance) -> None:
    """Require that a certificate is of another authority, or on record here and not revoked.

    Its chain was verified; whether another authority revoked it is not known here. Raises
    ``unauthorized``, and ``unavailable`` when the record cannot be read.
    """
    certificate = loading.load_certificate(der)
    subjects = (each.certificates[0].subject for each in trust.issuers.values())
    if certificate.issuer not in subjects:
        return
    record = await issuance.find(der=der)
    if record is None:
        if trust.has_issued(certificate):
            raise unauthorized_error("the certificate that proves the identity is not on record")
    elif record.is_revoked:
        raise unauthorized_error("the certificate that proves the identity is revoked")
