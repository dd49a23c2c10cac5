"""The certificate that proved a request, as templates see it: ``.AuthorizationCrt``.

Of X.509 the fields of Go's ``x509.Certificate``, of Nebula its certificate's properties, also under
``Details``, as they were in version 1.
"""

from collections.abc import Iterable
from typing import Any

from newel.certtemplates.alternative_names import DNS, EMAIL, IP, URI
from newel.certtemplates.constraints import PURPOSES
from newel.certtemplates.names import attributes
from newel.certtemplates.variables import (
    KeyAlgorithm,
    go_name,
    key_fields,
    known_attributes,
    names_by_kind,
)
from newel.crypto import der, oids
from newel.crypto.nebula.records import NebulaCertificate
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Certificate, Extension
from newel.gotemplate.values import NamedInteger, Record, Slice

_PURPOSE_NUMBERS = {oid: number for number, oid in enumerate(PURPOSES.values())}
"""Go numbers the extended key usages in the same order."""


class SerialNumber(NamedInteger):
    """A serial number, which templates print in decimal."""

    go_type = "*big.Int"


class KeyUsage(NamedInteger):
    """Key usages as bits; 1 is digitalSignature."""

    go_type = "x509.KeyUsage"


class ExtKeyUsage(NamedInteger):
    """An extended key usage by Go's number."""

    go_type = "x509.ExtKeyUsage"


def x509_certificate(certificate: Certificate) -> Record:
    """Present an X.509 certificate. Raises DERError for extensions that cannot be decoded."""
    found = names_by_kind(certificate.extension(oids.SUBJECT_ALT_NAME))
    usage = certificate.extension(oids.KEY_USAGE)
    basic = certificate.extension(oids.BASIC_CONSTRAINTS)
    is_ca, length = values.basic_constraints(basic) if basic is not None else (False, None)
    purposes = _list(certificate, oids.EXTENDED_KEY_USAGE, values.object_identifiers)
    known = [ExtKeyUsage(_PURPOSE_NUMBERS[oid]) for oid in purposes if oid in _PURPOSE_NUMBERS]
    access = certificate.extension(oids.AUTHORITY_INFORMATION_ACCESS)
    ocsp, issuers = values.authority_access(access) if access is not None else ([], [])
    key = key_fields(certificate.spki)
    fields: dict[str, Any] = {
        "Raw": certificate.der,
        "RawTBSCertificate": certificate.tbs,
        "RawSubjectPublicKeyInfo": certificate.spki,
        "RawSubject": certificate.subject,
        "RawIssuer": certificate.issuer,
        "Signature": certificate.signature,
        "PublicKeyAlgorithm": KeyAlgorithm(key["PublicKeyAlgorithm"]),
        "PublicKey": key["PublicKey"],
        "Version": certificate.version,
        "SerialNumber": SerialNumber(certificate.serial),
        "Issuer": _name(certificate.issuer),
        "Subject": _name(certificate.subject),
        "NotBefore": certificate.not_before,
        "NotAfter": certificate.not_after,
        "KeyUsage": KeyUsage(values.key_usage(usage) if usage is not None else 0),
        "Extensions": Slice(map(_extension, certificate.extensions), "[]pkix.Extension"),
        "ExtKeyUsage": _slice(known, "[]x509.ExtKeyUsage"),
        "UnknownExtKeyUsage": _slice(
            (oid for oid in purposes if oid not in _PURPOSE_NUMBERS), "[]asn1.ObjectIdentifier"
        ),
        "BasicConstraintsValid": basic is not None,
        "IsCA": is_ca,
        "MaxPathLen": _max_path_length(length, is_ca=is_ca),
        "MaxPathLenZero": is_ca and length == 0,
        "SubjectKeyId": _key_id(certificate.extension(oids.SUBJECT_KEY_IDENTIFIER)),
        "AuthorityKeyId": _authority_key_id(certificate),
        "OCSPServer": _slice(ocsp),
        "IssuingCertificateURL": _slice(issuers),
        "DNSNames": _slice(found[DNS]),
        "EmailAddresses": _slice(found[EMAIL]),
        "IPAddresses": _slice(found[IP], "[]net.IP"),
        "URIs": _slice(found[URI], "[]*url.URL"),
        "CRLDistributionPoints": _slice(
            _list(certificate, oids.CRL_DISTRIBUTION_POINTS, values.crl_points)
        ),
    }
    return Record("*x509.Certificate", fields)


def x509_chain(chain: Iterable[Certificate]) -> Slice:
    """Present the chain, the leaf first. Raises DERError."""
    return Slice(map(x509_certificate, chain), "[]*x509.Certificate")


def nebula_certificate(certificate: NebulaCertificate) -> Record:
    """Present a Nebula certificate."""
    networks = _slice(map(str, certificate.networks), "[]netip.Prefix")
    unsafe = _slice(map(str, certificate.unsafe_networks), "[]netip.Prefix")
    fields: dict[str, Any] = {
        "Name": certificate.name,
        "Networks": networks,
        "UnsafeNetworks": unsafe,
        "Groups": _slice(certificate.groups),
        "NotBefore": certificate.not_before,
        "NotAfter": certificate.not_after,
        "IsCA": certificate.is_ca,
        "Issuer": certificate.issuer,
        "PublicKey": certificate.public_key,
        "Curve": certificate.curve.name,
    }
    details = {**fields, "Ips": networks, "Subnets": unsafe}
    return Record(
        f"*cert.certificateV{certificate.version}",
        {
            **fields,
            "Version": certificate.version,
            "Signature": certificate.signature,
            "Fingerprint": certificate.fingerprint,
            "Details": Record("cert.NebulaCertificateDetails", details),
        },
    )


def _slice(listed: Iterable[Any], go_type: str = "[]string") -> Slice:
    """Return a slice; nil where there is nothing."""
    found = list(listed)
    return Slice(found, go_type, nil=not found)


def _list(certificate: Certificate, oid: str, decode: Any) -> list[str]:
    value = certificate.extension(oid)
    return decode(value) if value is not None else []


def _extension(extension: Extension) -> Record:
    return Record(
        "pkix.Extension",
        {"Id": extension.oid, "Critical": extension.critical, "Value": extension.value},
    )


def _name(name: bytes) -> Record:
    """Present a Name as Go's ``pkix.Name``: lists, two single values, and all attributes."""
    listed = attributes(name)
    lists, singles = known_attributes(listed)
    every = [
        Record("pkix.AttributeTypeAndValue", {"Type": each.oid, "Value": each.text})
        for each in listed
    ]
    fields: dict[str, Any] = {
        **{go_name(field): _slice(found) for field, found in lists.items()},
        **{go_name(field): text for field, text in singles.items()},
        "Names": Slice(every, "[]pkix.AttributeTypeAndValue"),
    }
    return Record("pkix.Name", fields)


def _max_path_length(length: int | None, *, is_ca: bool) -> int:
    """Return the path length as Go has it: -1 where a CA has none, 0 where there is no CA."""
    return 0 if not is_ca else -1 if length is None else length


def _key_id(value: bytes | None) -> bytes:
    return der.only(value, der.OCTET_STRING).content if value is not None else b""


def _authority_key_id(certificate: Certificate) -> bytes:
    value = certificate.extension(oids.AUTHORITY_KEY_IDENTIFIER)
    return values.authority_key_id(value) if value is not None else b""
