"""The certificate that stands for a key: a CA's, or an OCSP responder's."""

import datetime as dt

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from newel.crypto import certificate as certificates
from newel.crypto import keys, loading
from newel.crypto.authority_chain import own_certificate
from newel.crypto.certificate_files import parse_certificates


class Issuer:
    """What the policies need to know of one certificate; names are the octets as they stand in it."""

    def __init__(self, der: bytes) -> None:
        """Raises ``ValueError`` for what is no certificate, or holds a key not used here."""
        self.der = der
        self.certificate = loading.load_certificate(der)
        self.name = self.certificate.subject
        self.subject = certificates.issuer_name(self.certificate)
        self.spki = certificates.subject_public_key_info(self.certificate)
        self.public_key = keys.load_public_key(self.spki)
        self.key_bits = keys.subject_public_key(self.spki)
        self.key_identifier = certificates.issuer_key_identifier(self.certificate)
        self.not_before: dt.datetime = self.certificate.not_valid_before_utc
        self.not_after: dt.datetime = self.certificate.not_valid_after_utc

    @property
    def is_root(self) -> bool:
        """Whether it names itself as its issuer: the key of such a one never runs in a service."""
        return self.certificate.issuer == self.certificate.subject

    @property
    def is_ca(self) -> bool:
        """Whether basicConstraints says so."""
        found = [e.value for e in self.certificate.extensions]
        return any(isinstance(value, x509.BasicConstraints) and value.ca for value in found)

    @property
    def is_ocsp_responder(self) -> bool:
        """Whether its extended key usage lets it answer for its issuer (RFC 6960 §4.2.2.2)."""
        found = [e.value for e in self.certificate.extensions]
        return any(
            isinstance(value, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.OCSP_SIGNING in value
            for value in found
        )

    def is_issued_by(self, issuer: "Issuer") -> bool:
        """Whether its issuer's name and signature are those of ``issuer``."""
        try:
            self.certificate.verify_directly_issued_by(issuer.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def read_issuer(text: bytes) -> Issuer:
    """The certificate that a file is about, whatever else is in it. Raises ``ValueError``."""
    return Issuer(own_certificate(parse_certificates(text)))
