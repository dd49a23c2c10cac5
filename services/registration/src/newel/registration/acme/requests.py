"""Certification requests at finalize: they ask for the order and nothing else (RFC 8555 §7.4, §11.1)."""

from collections.abc import Iterable

from newel.acme import challenges
from newel.acme.identifiers import Identifier
from newel.crypto import csr, distinguished_names, names
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.extensions import MUST_STAPLE, TLS_FEATURE, Extension
from newel.jose import jwk
from newel.jose.errors import InvalidKeyError
from newel.registration.acme.identifiers import from_name
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError

_MAX_COMMON_NAME = 64
_KEY_USAGE = "2.5.29.15"
_BASIC_CONSTRAINTS = "2.5.29.19"
_EXTENDED_KEY_USAGE = "2.5.29.37"
_SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
_HARMLESS = frozenset({_KEY_USAGE, _SUBJECT_KEY_IDENTIFIER})
_NOT_A_CA = frozenset({b"\x30\x00", b"\x30\x03\x01\x01\x00"})
_SERVER_AUTH = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"
_CLIENT_AUTH = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"
_USAGES = frozenset(
    b"\x30" + bytes([len(listed)]) + listed
    for listed in (
        _SERVER_AUTH,
        _CLIENT_AUTH,
        _SERVER_AUTH + _CLIENT_AUTH,
        _CLIENT_AUTH + _SERVER_AUTH,
    )
)


def challenges_for(provisioner: ACMEProvisioner, name: Identifier) -> tuple[str, ...]:
    """List the challenge types offered for an order's identifier (``*.`` included)."""
    possible = challenges.challenge_types(name.type, wildcard=name.is_wildcard)
    return tuple(kind for kind in possible if kind in provisioner.challenges)


def require_provable(provisioner: ACMEProvisioner, wanted: Iterable[Identifier]) -> None:
    """Raise ``rejectedIdentifier`` for an identifier that none of the challenges offered can prove."""
    for name in wanted:
        if not challenges_for(provisioner, name):
            raise NewelError(
                ErrorType.REJECTED_IDENTIFIER,
                f"no challenge this provisioner offers can prove {name.value}",
            )


def verify(der: bytes) -> csr.VerifiedRequest:
    """Parse a request in DER and verify its signature. Raises ``badCSR``."""
    if der[:1] != b"\x30":
        raise bad_csr("the CSR is not DER")
    try:
        return csr.parse_request(der, read_name=names.from_certificate)
    except csr.CSRError as error:
        raise bad_csr(str(error)) from error


def key_thumbprint(request: csr.VerifiedRequest) -> bytes:
    """Return the thumbprint of the request's key. Raises ``badPublicKey`` for a curve without a JWK form."""
    try:
        return jwk.thumbprint(request.public_key)
    except InvalidKeyError as error:
        raise NewelError(ErrorType.BAD_PUBLIC_KEY, "the curve is not supported") from error


def check(request: csr.VerifiedRequest, wanted: tuple[Identifier, ...]) -> None:
    """Raise ``badCSR`` unless the names are exactly the order's and no foreign extension is requested.

    The common name, if any, is one of the names. The rest of the subject is ignored, because it is not
    copied into the certificate: people fill it in because ``openssl req`` asks for it. A CA, key usages
    other than a server's and a client's, and critical extensions are not ignored. The identifier of a
    device need not stand in the CSR.
    """
    requested = {from_name(name) for name in request.names}
    if wanted[0].is_device:
        _check_device(request, requested, wanted[0])
    else:
        requested.update(map(_common_name, _common_names(request)))
        if requested != set(wanted):
            raise bad_csr("the names of the CSR are not those of the order")
    for extension in request.extensions:
        _check_extension(extension)


def _check_device(
    request: csr.VerifiedRequest, requested: set[Identifier | None], device: Identifier
) -> None:
    if requested - {device}:
        raise bad_csr("the CSR has other names than the identifier of the device")
    if any(value != device.value for value in _common_names(request)):
        raise bad_csr("the common name of the CSR is not the identifier of the device")


def common_name(
    request: csr.VerifiedRequest, wanted: tuple[Identifier, ...], *, force: bool
) -> str | None:
    """Choose the common name: the CSR's when it is a DNS name, or the first that fits if forced.

    The identifier of a device is one as well.
    """
    if wanted[0].is_device:
        value = wanted[0].value
        fits = len(value) <= _MAX_COMMON_NAME
        return value if fits and (force or value in _common_names(request)) else None
    for value in _common_names(request):
        found = _common_name(value)
        # an address identifies in the iPAddress name only (RFC 8738 §3)
        return found.value if found.type == "dns" else None
    if force:
        fitting = (name.value for name in wanted if name.type == "dns")
        return next((value for value in fitting if len(value) <= _MAX_COMMON_NAME), None)
    return None


def _common_names(request: csr.VerifiedRequest) -> list[str]:
    """List the common names of the subject, without the empty ones that unfilled templates leave."""
    named = [each.value for each in request.subject if each.oid == distinguished_names.COMMON_NAME]
    return [value for value in named if value]


def _common_name(value: str) -> Identifier:
    try:
        found = from_name(names.parse_san(value))
    except InvalidNameError as error:
        raise bad_csr(f"the common name of the CSR: {error}") from error
    if found is None:
        raise bad_csr("the common name of the CSR is neither a DNS name nor an address")
    return found


def _check_extension(extension: Extension) -> None:
    if extension.oid == _BASIC_CONSTRAINTS:
        if extension.value not in _NOT_A_CA:
            raise bad_csr("the CSR asks for a CA certificate")
    elif extension.oid == _EXTENDED_KEY_USAGE:
        if extension.value not in _USAGES:
            raise bad_csr("the CSR asks for an extended key usage that is not given here")
    elif extension.oid == TLS_FEATURE:
        if extension.value != MUST_STAPLE.value:
            raise bad_csr("of the TLS features only status_request (5) is given here")
    elif extension.oid not in _HARMLESS:
        if extension.critical:
            raise bad_csr(f"the critical extension {extension.oid} is not given here")
        if extension.oid.startswith("2.5.29."):
            raise bad_csr(f"the extension {extension.oid} is not given here")


def bad_csr(detail: str) -> NewelError:
    """Make the error for a CSR."""
    return NewelError(ErrorType.BAD_CSR, detail)
