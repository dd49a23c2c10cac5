"""Leaf certificates as octets: a TBSCertificate joined from parts encoded once (RFC 5280 §4.1).

What does not change from one leaf to the next is encoded when the encoder is made; a leaf is then a
few joins. The tests compare it with the library's ``CertificateBuilder``, octet by octet.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cryptography import x509

from newel.crypto import der, distinguished_names, extensions, keys, serials
from newel.crypto.extensions import Extension
from newel.crypto.names import GeneralName
from newel.crypto.profile import Profile

_VERSION_3 = bytes.fromhex("a003020102")
_VERSION_TAG = 0xA0
_EXTENSIONS_TAG = 0xA3
_RSA_KEY = der.oid("1.2.840.113549.1.1.1")
_SKI_HEAD = der.oid(extensions.SUBJECT_KEY_IDENTIFIER) + b"\x04\x16\x04\x14"
_SKI_LENGTH = len(_SKI_HEAD) + 20
_SAN_OID = der.oid(extensions.SUBJECT_ALT_NAME)
_SAN_CRITICAL = _SAN_OID + der.boolean(value=True)


class SignedParts(NamedTuple):
    """The three parts of a signed X.509 structure."""

    tbs: bytes
    algorithm: bytes
    signature: bytes


def assemble(tbs: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """Join SEQUENCE(tbs, algorithm, BIT STRING signature): a certificate, or a revocation list."""
    tail = b"".join((algorithm, b"\x03", der.length(len(signature) + 1), b"\x00", signature))
    return b"".join((der.header(der.SEQUENCE, len(tbs) + len(tail)), tbs, tail))


def split(signed: bytes) -> SignedParts:
    """Split what :func:`assemble` joins. Raises :class:`der.DERError`."""
    reader = der.Reader(der.only(signed).content)
    parts = SignedParts(
        reader.read(der.SEQUENCE).raw, reader.read(der.SEQUENCE).raw, reader.bit_string()
    )
    reader.end()
    return parts


def issuer_name(issuer: x509.Certificate) -> bytes:
    """Return the issuer Name of an issuer's certificates: its subject, as encoded."""
    return _fields(issuer)[4].raw


def issuer_id(der: bytes) -> str:
    """Return the short name for an issuer in URLs, events and files: SHA-256 of its DER, 16 hex digits."""
    return hashlib.sha256(der).hexdigest()[:16]


def issuer_of(certificate: x509.Certificate) -> bytes:
    """Return the issuer Name of a certificate, as encoded."""
    return _fields(certificate)[2].raw


def subject_public_key_info(certificate: x509.Certificate) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate, as encoded."""
    return _fields(certificate)[5].raw


def _fields(certificate: x509.Certificate) -> list[der.Element]:
    """Return the fields of a certificate from its serial number on, without the version."""
    fields = der.children(der.only(certificate.tbs_certificate_bytes).content)
    return fields[1:] if fields[0].tag == _VERSION_TAG else fields


def extensions_of(certificate: x509.Certificate) -> dict[str, Extension]:
    """Return the extensions of a certificate by type, their values as encoded."""
    fields = der.children(der.only(certificate.tbs_certificate_bytes).content)
    if fields[-1].tag != _EXTENSIONS_TAG:
        return {}
    found: dict[str, Extension] = {}
    for each in der.children(der.only(fields[-1].content).content):
        parts = der.children(each.content)
        oid = der.decode_oid(parts[0].content)
        found[oid] = Extension(
            oid, len(parts) > 2 and parts[1].content == b"\xff", parts[-1].content
        )
    return found


def issuer_key_identifier(issuer: x509.Certificate) -> bytes:
    """Return the issuer's subjectKeyIdentifier as encoded (§4.2.1.1); computed only if it is absent."""
    try:
        extension = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return keys.key_identifier(subject_public_key_info(issuer))
    return extension.value.digest


class LeafEncoder:
    """An encoder of the TBSCertificates of one issuer and one profile.

    Extensions, in order: key usage, extended key usage, subject and authority key identifier, AIA
    and CRL distribution points where URLs are given, subject alternative name, then the caller's.
    """

    def __init__(
        self,
        issuer: x509.Certificate,
        profile: Profile,
        *,
        ocsp: Sequence[str] = (),
        ca_issuers: Sequence[str] = (),
        crl: Sequence[str] = (),
    ) -> None:
        public_key = issuer.public_key()
        if not isinstance(public_key, keys.PublicKey):
            raise keys.InvalidKeyError("the issuer's key is of a kind that is not used here")
        self.issuer = issuer
        self.profile = profile
        self.algorithm = keys.signature_algorithm(public_key)
        self.ocsp, self.ca_issuers, self.crl = tuple(ocsp), tuple(ca_issuers), tuple(crl)
        self._algorithm_and_issuer = self.algorithm + issuer_name(issuer)
        self._head = self._encode_head(profile.key_usage)
        self._rsa_head = self._encode_head(profile.rsa_key_usage)
        self._tail = b"".join(each.der for each in self._pointers())

    def _encode_head(self, usages: Sequence[str]) -> bytes:
        parts = [extensions.key_usage(usages).der]
        if self.profile.extended_key_usage:
            parts.append(extensions.extended_key_usage(self.profile.extended_key_usage).der)
        return b"".join(parts)

    def _pointers(self) -> list[Extension]:
        found = [extensions.authority_key_identifier(issuer_key_identifier(self.issuer))]
        if self.ocsp or self.ca_issuers:
            found.append(extensions.authority_information_access(self.ocsp, self.ca_issuers))
        if self.crl:
            found.append(extensions.crl_distribution_points(self.crl))
        return found

    def tbs(
        self,
        serial: bytes,
        subject: bytes,
        spki: bytes,
        names: Sequence[GeneralName],
        not_before: dt.datetime,
        not_after: dt.datetime,
        extra_extensions: Sequence[Extension] = (),
    ) -> bytes:
        """Encode a TBSCertificate.

        ``serial``: the INTEGER's content octets (:mod:`newel.crypto.serials`); ``subject``: a DER
        Name; ``spki``: a DER SubjectPublicKeyInfo whose key was checked; both times are inclusive.
        Raises ``ValueError`` for an invalid serial, and for neither subject nor name.
        """
        serials.check(serial)
        nameless = subject == distinguished_names.EMPTY
        if nameless and not names:
            raise ValueError("a certificate needs a subject or a name")
        identifier = hashlib.sha1(_key_bits(spki), usedforsecurity=False).digest()
        parts = [
            self._rsa_head if _RSA_KEY in spki[:32] else self._head,
            bytes((der.SEQUENCE, _SKI_LENGTH)),
            _SKI_HEAD,
            identifier,
            self._tail,
        ]
        if names:
            san = der.octet_string(der.tlv(der.SEQUENCE, b"".join([n.der for n in names])))
            oid = _SAN_CRITICAL if nameless else _SAN_OID
            parts.append(der.tlv(der.SEQUENCE, oid + san))
        parts += [each.der for each in extra_extensions]
        validity = (not_before, not_after)
        return _join(serial, self._algorithm_and_issuer, validity, subject + spki, b"".join(parts))


def encode_tbs(
    serial: bytes,
    algorithm: bytes,
    issuer: bytes,
    validity: tuple[dt.datetime, dt.datetime],
    subject: bytes,
    spki: bytes,
    wanted: Iterable[Extension],
) -> bytes:
    """Encode any version 3 TBSCertificate from its encoded fields, for ceremonies."""
    serials.check(serial)
    encoded = b"".join([each.der for each in wanted])
    return _join(serial, algorithm + issuer, validity, subject + spki, encoded)


def _join(
    serial: bytes,
    algorithm_and_issuer: bytes,
    validity: tuple[dt.datetime, dt.datetime],
    subject_and_key: bytes,
    encoded_extensions: bytes,
) -> bytes:
    parts = (
        _VERSION_3,
        der.tlv(der.INTEGER, serial),
        algorithm_and_issuer,
        der.tlv(der.SEQUENCE, der.time(validity[0]) + der.time(validity[1])),
        subject_and_key,
        der.explicit(3, der.tlv(der.SEQUENCE, encoded_extensions)),
    )
    return der.tlv(der.SEQUENCE, b"".join(parts))


def _key_bits(spki: bytes) -> bytes:
    """Return the BIT STRING content of a SubjectPublicKeyInfo that was checked before."""
    start = 2 if spki[1] < 0x80 else 2 + (spki[1] & 0x7F)
    start += 2 + spki[start + 1]
    size = spki[start + 1]
    return spki[start + (3 if size < 0x80 else 3 + (size & 0x7F)) :]
