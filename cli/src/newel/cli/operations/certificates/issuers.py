"""The local authority that signs: its certificate and the key that belongs to it."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.certificates import sources
from newel.cli.operations.certificates.builder import Issuer
from newel.cli.operations.keys.signing_keys import signing_key
from newel.crypto import der, keys, oids
from newel.crypto.reader import extensions as values

if TYPE_CHECKING:
    from newel.crypto.reader.certificates import Certificate


def issuer_of(
    certificate: "Certificate", key_file: str, password_file: str | None, service: str | None = None
) -> Issuer:
    """Return the authority of a certificate with its private key, which is in a file or a key service."""
    key = signing_key(key_file, password_file, service)
    try:
        certified = keys.load_public_key(certificate.spki)
    except ValueError as error:
        raise CliError(f"unknown public key algorithm: {error}") from None
    own = key.public_key()
    if type(own) is not type(certified):
        raise CliError("private key type does not match issuer public key type")
    if keys.spki(own) != keys.spki(certified):
        raise CliError("private key does not match issuer public key")
    return Issuer(certificate.subject, subject_key_id(certificate), key)


def subject_key_id(certificate: "Certificate") -> bytes:
    """Return the certificate's own key identifier, b"" when it has none."""
    value = certificate.extension(oids.SUBJECT_KEY_IDENTIFIER)
    try:
        return der.only(value, der.OCTET_STRING).content if value is not None else b""
    except der.DERError as error:
        raise CliError(f"the issuer's subject key identifier cannot be read: {error}") from None


def check_authority(certificate: "Certificate", profile: str, path_length: int) -> None:
    """Refuse an issuer that may not sign certificates, or not this authority. -1 is no limit."""
    basic = certificate.extension(oids.BASIC_CONSTRAINTS)
    authority, room = values.basic_constraints(basic) if basic is not None else (False, None)
    if not authority:
        raise CliError("issuer certificate is not a certificate authority")
    usage = certificate.extension(oids.KEY_USAGE)
    if usage is None or not values.may_sign_certificates(usage):
        raise CliError("issuer certificate does not have the keyCertSign usage")
    if profile != "intermediate-ca" or room is None:
        return
    said = "issuer certificate cannot sign an intermediate-ca: pathLenConstraint is"
    if room == 0:
        raise CliError(f"{said} 0")
    if path_length == -1 or path_length >= room:
        raise CliError(f"{said} {room}, want at most {room - 1}")


def first_certificate(name: str) -> "Certificate":
    """Return the first certificate of a file."""
    return sources.from_file(name)[0]
