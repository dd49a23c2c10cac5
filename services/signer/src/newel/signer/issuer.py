"""The certificate of a key: a CA's, or an OCSP responder's."""

import datetime as dt

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from newel.crypto import certificate as certificates
from newel.crypto import keys, loading
from newel.crypto.authority_chain import own_certificate
from newel.crypto.certificate_files import parse_certificates


class Issuer:
    """A certificate with what the policies need; names are as encoded."""

    def __init__(self, der: bytes) -> None:
        """Load the certificate. Raises ``ValueError`` for an invalid one, or an unsupported key."""
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
        """Whether it names itself as its issuer; no service runs with such a key."""
        return self.certificate.issuer == self.certificate.subject

    @property
    def is_ca(self) -> bool:
        """Whether basicConstraints has cA."""
        found = [e.value for e in self.certificate.extensions]
        return any(isinstance(value, x509.BasicConstraints) and value.ca for value in found)

    @property
    def is_ocsp_responder(self) -> bool:
        """Whether its extended key usage allows answers for its issuer (RFC 6960 §4.2.2.2)."""
        found = [e.value for e in self.certificate.extensions]
        return any(
            isinstance(value, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.OCSP_SIGNING in value
            for value in found
        )

    def is_issued_by(self, issuer: "Issuer") -> bool:
        """Say whether ``issuer`` is named in the certificate and made its signature."""
        return loading.is_issued_by(self.certificate, issuer.certificate)


def read_issuer(text: bytes) -> Issuer:
    """Read the certificate that issued no other one of a file. Raises ``ValueError``."""
    return Issuer(own_certificate(parse_certificates(text)))
