"""The JSON that webhooks receive: the members and values of step-ca's."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newel.certtemplates import variables
from newel.certtemplates.constraints import PURPOSES, SHORT
from newel.certtemplates.ssh_content import SSHContent
from newel.crypto import distinguished_names, loading
from newel.crypto.csr import VerifiedRequest
from newel.crypto.distinguished_names import Attribute
from newel.crypto.names import GeneralName
from newel.crypto.ssh import certificates as ssh_certificates
from newel.gotemplate.budget import Budget, Limits
from newel.gotemplate.functions.json_text import Writer
from newel.gotemplate.values import Record
from newel.registration.issuance import IssueRequest

_LIMITS = Limits(steps=200_000, octets=8 << 20)
_PURPOSE_NAMES = {oid: name for name, oid in PURPOSES.items()}
_MEMBERS = {"dnsNames": "dns", "emailAddresses": "email", "ipAddresses": "ip", "uris": "uri"}
# What the step tools' default template has; a profile of the operator may differ
_DEFAULT_USAGES = ("digitalSignature",)
_DEFAULT_RSA_USAGES = ("digitalSignature", "keyEncipherment")
_DEFAULT_PURPOSES = ("serverAuth", "clientAuth")


class Validity(NamedTuple):
    """The validity that a certificate is asked for; aware times."""

    not_before: dt.datetime
    not_after: dt.datetime


def encode(members: Mapping[str, Any], now: dt.datetime) -> bytes:
    """Encode a body as Go's encoding/json does, with the time of the call."""
    text = Writer(Budget(_LIMITS)).write(Record("RequestBody", {"timestamp": now, **members}))
    return text.encode()


def certification_request(request: VerifiedRequest) -> Record:
    """Describe a certification request: its fields, its key and its DER."""
    shown = variables.certification_request(request)
    fields: dict[str, Any] = dict(shown.json()) if shown.json else dict(shown.fields)
    algorithm = str(shown.fields["PublicKeyAlgorithm"])
    key = {"publicKey": request.spki, "publicKeyAlgorithm": algorithm, "raw": request.der}
    return Record("X509CertificateRequest", fields | key)


def certificate(message: IssueRequest, validity: Validity, *, is_default: bool) -> Record:
    """Describe the certificate that would be issued.

    ``is_default`` says that no template and no profile of the operator choose its usages.
    """
    algorithm = str(variables.key_fields(message.public_key)["PublicKeyAlgorithm"])
    usages: Sequence[str] = [SHORT.get(each, each) for each in message.key_usages]
    purposes = [
        _PURPOSE_NAMES[each] for each in message.extended_key_usages if each in _PURPOSE_NAMES
    ]
    others = [each for each in message.extended_key_usages if each not in _PURPOSE_NAMES]
    if is_default:
        usages = _DEFAULT_RSA_USAGES if algorithm == "RSA" else _DEFAULT_USAGES
        purposes = list(_DEFAULT_PURPOSES)
    fields: dict[str, Any] = {
        "version": 0,
        "subject": _subject(message.subject),
        "rawSubject": None,
        "issuer": {},
        "serialNumber": None,
        **_names(message.names),
        "sans": [variables.san(each.kind, str(each)) for each in message.names] or None,
        "extensions": [
            {"id": each.oid, "critical": each.critical, "value": each.value}
            for each in message.extensions
        ]
        or None,
        "keyUsage": list(usages) or None,
        "extKeyUsage": purposes or None,
        "unknownExtKeyUsage": others or None,
        "subjectKeyId": None,
        "authorityKeyId": None,
        "ocspServer": None,
        "issuingCertificateURL": None,
        "crlDistributionPoints": None,
        "policyIdentifiers": None,
        "basicConstraints": None,
        "nameConstraints": None,
        "signatureAlgorithm": "",
        "publicKey": message.public_key,
        "publicKeyAlgorithm": algorithm,
        "notBefore": validity.not_before,
        "notAfter": validity.not_after,
        "raw": None,
    }
    return Record("X509Certificate", fields)


def issued_certificate(der: bytes) -> Record:
    """Describe an issued certificate: its key, its times and its DER."""
    return Record("X509Certificate", _certificate_fields(der))


def proving_certificate(der: bytes) -> Record:
    """Describe the certificate that proved the identity of the requester."""
    return Record("X5CCertificate", _certificate_fields(der))


def ssh_request(public_key: bytes, kind: str, key_id: str, principals: Sequence[str]) -> Record:
    """Describe what a request for an SSH certificate says for itself; the key is in wire form."""
    fields = {
        "publicKey": public_key,
        "type": kind,
        "keyID": key_id,
        "principals": list(principals) or None,
    }
    return Record("SSHCertificateRequest", fields)


def ssh_certificate(content: SSHContent, public_key: bytes, validity: Validity) -> Record:
    """Describe the SSH certificate that would be issued; the key is in wire form."""
    return _ssh_fields(
        content,
        serial=0,
        publicKey=public_key,
        signatureKey=None,
        validAfter=int(validity.not_before.timestamp()),
        validBefore=int(validity.not_after.timestamp()),
    )


def issued_ssh_certificate(wire: bytes) -> Record:
    """Describe an issued SSH certificate in wire form."""
    found = ssh_certificates.parse(wire)
    return _ssh_fields(
        SSHContent(
            found.kind, found.key_id, found.principals, found.critical_options, found.extensions
        ),
        serial=found.serial,
        publicKey=found.public_key,
        signatureKey=found.signature_key,
        validAfter=found.valid_after,
        validBefore=found.valid_before,
        raw=wire,
    )


def _ssh_fields(content: SSHContent, **facts: Any) -> Record:
    fields: dict[str, Any] = {
        "nonce": None,
        "type": content.type,
        "keyId": content.key_id,
        "principals": list(content.principals) or None,
        "criticalOptions": dict(content.critical_options) or None,
        "extensions": dict(content.extensions) or None,
        "reserved": None,
    }
    return Record("SSHCertificate", fields | facts)


def _certificate_fields(der: bytes) -> dict[str, Any]:
    found = loading.load_certificate(der)
    spki = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "raw": der,
        "publicKey": spki,
        "publicKeyAlgorithm": str(variables.key_fields(spki)["PublicKeyAlgorithm"]),
        "notBefore": found.not_valid_before_utc,
        "notAfter": found.not_valid_after_utc,
    }


def _subject(attributes: Sequence[Attribute]) -> Record:
    return variables.subject(distinguished_names.encode(attributes))


def _names(names: Sequence[GeneralName]) -> dict[str, Any]:
    return {
        member: [str(each) for each in names if each.kind == kind] or None
        for member, kind in _MEMBERS.items()
    }
