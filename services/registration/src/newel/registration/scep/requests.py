"""What a decrypted message asks for: a certification request, its challenge and its names."""

import contextlib
from typing import NamedTuple

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.asymmetric import rsa

from newel.crypto import csr, der, keys
from newel.crypto.distinguished_names import COMMON_NAME, Attribute
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.names import GeneralName, parse_san
from newel.registration.errors import unauthorized_error
from newel.registration.policy.certificate_names import read_names as read_certificate_names
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.runtime.errors import NewelError
from newel.scep.constants import FailInfo, RefusedError
from newel.scep.envelopes import UNREADABLE, decrypt
from newel.scep.requests import VerifiedRequest, challenge_password
from newel.scep.signing import Signer


class CertificateRequest(NamedTuple):
    """A verified certification request inside a verified message."""

    message: VerifiedRequest
    csr: csr.VerifiedRequest
    challenge: str | None


class Names(NamedTuple):
    """The names of the certificate that a request asks for."""

    subject: tuple[Attribute, ...]
    common_name: str
    names: tuple[GeneralName, ...]


def open_request(
    message: VerifiedRequest, signer: Signer, provisioner: SCEPProvisioner
) -> CertificateRequest:
    """Decrypt a message by the authority's key, and read the certification request in it.

    Whatever is wrong with the plain text is answered alike: else a stranger who has another's message
    could learn from answers what is in it. Raises RefusedError.
    """
    plain = decrypt(message.envelope, signer.id, signer.key, allow_weak=provisioner.allow_des)
    try:
        request = csr.read_request(plain).verify(provisioner.name_rules)
        challenge = challenge_password(request.der)
    except (csr.CSRError, der.DERError) as error:
        raise _plain_text_error(str(error)) from None
    return CertificateRequest(message, request, challenge)


def require_own_key(request: CertificateRequest) -> None:
    """Require that the key to be certified signed the message. Raises RefusedError.

    Only its holder can read the answer then, and only its holder knew the plain text.
    """
    if keys.spki(request.message.signer_key) != request.csr.spki:
        raise _plain_text_error("the message is not signed by the key of the request")


def _plain_text_error(cause: str) -> RefusedError:
    return RefusedError(FailInfo.BAD_MESSAGE_CHECK, UNREADABLE, cause=cause)


def is_right_challenge(request: CertificateRequest, provisioner: SCEPProvisioner) -> bool:
    """Compare the challenge password with the provisioner's, in constant time."""
    given, own = (request.challenge or "").encode(), provisioner.challenge.encode()
    return bool(own) and constant_time.bytes_eq(given, own)


def challenge_error() -> NewelError:
    """Make the refusal of a challenge password that is wrong or missing."""
    text = "the challenge password is wrong or missing"
    return unauthorized_error(text, detail=text)


def check_key(request: CertificateRequest, provisioner: SCEPProvisioner) -> None:
    """Check the length of the key; the issuing authority checks the rest. Raises RefusedError."""
    key = request.csr.public_key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < provisioner.min_key_bits:
        raise RefusedError(
            FailInfo.BAD_REQUEST,
            f"the RSA key has {key.key_size} bits, and {provisioner.min_key_bits} are the least",
        )


def read_names(request: CertificateRequest, provisioner: SCEPProvisioner) -> Names:
    """Return the subject and names to certify: those of the request. Raises RefusedError.

    A request without alternative names gets its common name as one, where that is a name at all.
    """
    subject = request.csr.subject
    common_name = next((each.value for each in subject if each.oid == COMMON_NAME), "")
    names = request.csr.names
    if not names and common_name:
        with contextlib.suppress(InvalidNameError):  # a serial number, a person: no name of a host
            names = (parse_san(common_name, provisioner.name_rules),)
    if provisioner.force_common_name and not common_name:
        common_name = next((str(each) for each in names if each.kind == "dns"), "")
        if not common_name:
            raise RefusedError(
                FailInfo.BAD_REQUEST, "the request has no common name and no domain name for it"
            )
        subject = (*subject, Attribute(COMMON_NAME, common_name))
    if not subject and not names:
        raise RefusedError(FailInfo.BAD_REQUEST, "the request has neither a subject nor names")
    return Names(subject, common_name, names)


def require_same_names(request: CertificateRequest) -> Names:
    """Require the subject, and the names if any, of the certificate that signs (RFC 8894 §2.3).

    Return its names: they are those of its successor. Raises RefusedError.
    """
    names, subject = read_certificate_names(request.message.signer)
    if request.csr.subject != subject or not set(request.csr.names) <= set(names):
        raise RefusedError(
            FailInfo.BAD_REQUEST,
            "a renewal has the subject and names of the certificate that signs it",
        )
    common_name = next((each.value for each in subject if each.oid == COMMON_NAME), "")
    return Names(subject, common_name, names)
