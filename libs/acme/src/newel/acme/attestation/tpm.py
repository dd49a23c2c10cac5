"""The format ``tpm``: a TPM 2.0 certifies that it holds a key (WebAuthn §8.3).

The certificate of the attestation key names the device; the roots are the operator's, since the makers
of TPMs certify endorsement keys and not these.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator, Sequence

import msgspec
from cryptography.exceptions import InvalidSignature

from newel.acme.attestation import chains, cose, objects, tpm_structures
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof
from newel.acme.attestation.tpm_structures import Attribute
from newel.crypto import der, distinguished_names, keys, names, oids
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Certificate

ATTESTATION_KEY_CERTIFICATE = "2.23.133.8.3"
"""tcg-kp-AIKCertificate, the one extended key usage."""
TPM_ATTRIBUTES = {
    "2.23.133.2.1": "manufacturer",
    "2.23.133.2.2": "model",
    "2.23.133.2.3": "version",
}
_DIRECTORY_NAME = 0xA4
_EXPLICIT = 0xA0
_NEEDED = Attribute.FIXED_TPM | Attribute.FIXED_PARENT | Attribute.SENSITIVE_DATA_ORIGIN
_VERSION_3 = 3


class TPMStatement(msgspec.Struct, frozen=True, rename="camel"):
    """The structures are as the TPM made them."""

    ver: str
    alg: int
    x5c: objects.Chain
    sig: objects.Octets
    cert_info: objects.Octets
    pub_area: objects.Octets


def verify(
    statement: object, roots: Sequence[Certificate], authorization: str, now: dt.datetime
) -> AttestationProof:
    """Verify a statement over a key authorization. Raises :class:`AttestationError`.

    1. the attestation key's certificate chains to a root and is one of a TPM; 2. that key signed
    ``certInfo``; 3. its extra data is the SHA-256 of the key authorization; 4. it certifies the object
    of ``pubArea``, whose key was made in this TPM and never leaves it.
    """
    found = objects.convert(statement, TPMStatement, "the statement")
    if found.ver != "2.0":
        raise AttestationError("ver: only TPM 2.0 is known here")
    path = chains.verify_chain(found.x5c, roots, now)
    identifiers = _check_certificate(path[0])
    signer = chains.public_key(path[0])
    if found.alg != cose.algorithm_of(signer):
        raise AttestationError(f"alg: {found.alg} is not one for the attestation key, with SHA-256")
    signature = tpm_structures.parse_signature(found.sig, signer)
    try:
        keys.verify(signer, signature, found.cert_info)
    except InvalidSignature:
        raise AttestationError("sig: the attestation key did not sign certInfo") from None
    certified = tpm_structures.parse_certification(found.cert_info)
    digest = hashlib.sha256(authorization.encode()).digest()
    if not hmac.compare_digest(certified.extra_data, digest):
        raise AttestationError("certInfo was not made for the key authorization of this challenge")
    public = tpm_structures.parse_public(found.pub_area)
    if not hmac.compare_digest(certified.name, public.name):
        raise AttestationError("certInfo certifies another object than pubArea")
    _check_attributes(public.attributes)
    return AttestationProof(public.key, identifiers, path)


def _check_attributes(attributes: Attribute) -> None:
    if attributes & _NEEDED != _NEEDED:
        raise AttestationError("pubArea: the key may leave the TPM, or was not made in it")
    if attributes & Attribute.RESTRICTED or not attributes & Attribute.SIGN:
        raise AttestationError("pubArea: the key cannot sign what it is given")


def _check_certificate(leaf: Certificate) -> tuple[str, ...]:
    """Check a certificate by WebAuthn §8.3.1 and return the permanent identifiers in it."""
    if leaf.version != _VERSION_3:
        raise AttestationError("the attestation key's certificate is not of version 3")
    if leaf.subject != distinguished_names.EMPTY:
        raise AttestationError("the subject of the attestation key's certificate is not empty")
    try:
        usages = leaf.extension(oids.EXTENDED_KEY_USAGE)
        if usages is None or ATTESTATION_KEY_CERTIFICATE not in values.object_identifiers(usages):
            raise AttestationError(
                "the attestation key's certificate is not for attestation keys"
                f" (extended key usage {ATTESTATION_KEY_CERTIFICATE})"
            )
        encoded = leaf.extension(oids.SUBJECT_ALT_NAME)
        listed = der.children(der.only(encoded).content) if encoded is not None else []
        _require_details(listed)
        return tuple(_read_identifiers(listed))
    except (der.DERError, InvalidNameError, UnicodeDecodeError) as error:
        raise AttestationError(
            f"the attestation key's certificate cannot be read: {error}"
        ) from None


def _read_identifiers(listed: Sequence[der.Element]) -> Iterator[str]:
    """Yield the permanent identifiers (RFC 4043), by any assigner; other names are not asked for."""
    for each in listed:
        if each.tag != names.OTHER_NAME_TAG:
            continue
        reader = der.Reader(each.content)
        if reader.oid() != oids.PERMANENT_IDENTIFIER:
            continue
        value = der.only(reader.read(_EXPLICIT).content)
        texts = [part for part in der.children(value.content) if part.tag == der.UTF8_STRING]
        yield from (part.content.decode() for part in texts[:1])


def _require_details(listed: Sequence[der.Element]) -> None:
    """Require manufacturer, model and version of the TPM (TCG EK Credential Profile §3.1.2)."""
    known = {
        attribute.oid
        for each in listed
        if each.tag == _DIRECTORY_NAME
        for attribute in distinguished_names.decode(each.content)
        if attribute.value
    }
    for oid, what in TPM_ATTRIBUTES.items():
        if oid not in known:
            raise AttestationError(
                f"the attestation key's certificate does not name the TPM's {what}"
            )
