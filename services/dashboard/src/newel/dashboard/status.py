"""What relying parties are told of a certificate: OCSP (RFC 6960) and the CRL (RFC 5280 §5)."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from newel.crypto.loading import load_list
from newel.dashboard.interfaces import Caller, Interfaces
from newel.runtime.errors import NewelError

_REQUEST = "application/ocsp-request"


@dataclass(frozen=True, slots=True)
class Status:
    """One source's answer: ``good``, ``revoked``, ``unknown``, or why there is none."""

    answer: str
    detail: str = ""


async def ask_ocsp(
    validation: Interfaces, caller: Caller, certificate: x509.Certificate, issuer: x509.Certificate
) -> Status:
    """Ask the authority's own responder, as a relying party does; what fails is said in the answer."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256())
    request = builder.build().public_bytes(serialization.Encoding.DER)
    anonymous = Caller(None, caller.client)
    try:
        status, body = await validation.call(anonymous, "POST", "/ocsp", request, _REQUEST)
    except NewelError as error:
        return Status("no answer", error.detail)
    if status != 200:
        return Status("no answer", f"HTTP status {status}")
    try:
        response = ocsp.load_der_ocsp_response(body)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Status("no answer", response.response_status.name.lower().replace("_", " "))
        detail = f"until {response.next_update_utc:%Y-%m-%d %H:%M} UTC"
        if response.revocation_time_utc is not None:
            detail = f"since {response.revocation_time_utc:%Y-%m-%d %H:%M:%S} UTC"
        return Status(response.certificate_status.name.lower(), detail)
    except ValueError as error:
        return Status("no answer", str(error))


async def ask_crl(validation: Interfaces, caller: Caller, certificate: x509.Certificate) -> Status:
    """Look into the CRL that the certificate names; what fails is said in the answer."""
    path = _crl_path(certificate)
    if path is None:
        return Status("no answer", "the certificate names no CRL")
    try:
        crl = load_list(await validation.fetch(Caller(None, caller.client), path))
    except NewelError as error:
        return Status("no answer", error.detail)
    except ValueError as error:
        return Status("no answer", str(error))
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    published = f"in the list of {crl.last_update_utc:%Y-%m-%d %H:%M:%S} UTC"
    return Status("not listed" if entry is None else "revoked", published)


def _crl_path(certificate: x509.Certificate) -> str | None:
    """Return the path of the first CRL distribution point; None without one."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return None
    for point in points:
        for name in point.full_name or ():
            if isinstance(name, x509.UniformResourceIdentifier):
                return "/" + name.value.partition("://")[2].partition("/")[2]
    return None
