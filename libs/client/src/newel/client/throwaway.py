"""A certification authority for tests: made in milliseconds, trusted by no one else, never written."""

import datetime as dt
import ssl
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

from newel.client import rotating
from newel.client.clock import now
from newel.client.credential import Credential, check
from newel.client.csr import general_name
from newel.crypto import keys
from newel.crypto.entropy import random_bits
from newel.crypto.keys import PrivateKey, PublicKey

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


@dataclass
class ThrowawayAuthority:
    """Root and leaf in one: what it issues it signs with its root. Nothing is written anywhere."""

    name: str = "throw-away"
    key: PrivateKey = field(default_factory=keys.generate, repr=False)
    root: x509.Certificate = field(init=False, repr=False)
    revoked: dict[int, dt.datetime] = field(default_factory=dict[int, dt.datetime])
    """Serial → when."""
    issued: list[x509.Certificate] = field(default_factory=list[x509.Certificate], repr=False)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} Root CA")])
        moment = now()
        self.root = (
            x509.CertificateBuilder(name, name, self.key.public_key(), serial())
            .not_valid_before(moment - DAY)
            .not_valid_after(moment + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def root_pem(self) -> str:
        """The root as PEM."""
        return self.root.public_bytes(Encoding.PEM).decode()

    def issue_cert(
        self,
        *names: str,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        key: PrivateKey | None = None,
    ) -> Credential:
        """Issue a credential for these names, valid for a day unless other times are given."""
        made = key or keys.generate()
        certificate = self.certify(made.public_key(), names, not_before, not_after)
        return check([certificate.public_bytes(Encoding.DER)], made)

    def expired_cert(self, *names: str) -> Credential:
        """Issue a credential that expired a minute ago."""
        moment = now()
        return self.issue_cert(*names, not_before=moment - DAY, not_after=moment - MINUTE)

    def revoked_cert(self, *names: str) -> Credential:
        """Issue a credential and revoke it."""
        made = self.issue_cert(*names)
        self.revoke(made.certificate.serial_number)
        return made

    def certify(
        self,
        key: PublicKey,
        names: tuple[str, ...],
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> x509.Certificate:
        """Issue a leaf for a public key; the first name is the subject too."""
        start = not_before or now() - MINUTE
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        made = (
            x509.CertificateBuilder(self.root.subject, subject, key, serial())
            .not_valid_before(start)
            .not_valid_after(not_after or start + DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([Usage.SERVER_AUTH, Usage.CLIENT_AUTH]), False)
            .add_extension(x509.SubjectAlternativeName([general_name(n) for n in names]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
            )
            .sign(self.key, hashes.SHA256())
        )
        self.issued.append(made)
        return made

    def revoke(self, number: int) -> None:
        """Revokes a serial, as CRL and OCSP then say."""
        self.revoked[number] = now().replace(microsecond=0)

    def configure_trust(self, context: ssl.SSLContext) -> None:
        """Has a context trust this authority."""
        context.load_verify_locations(cadata=self.root_pem)

    def configure_cert(self, context: ssl.SSLContext, credential: Credential) -> None:
        """Load a credential into an unused context."""
        rotating.load(context, credential)

    def crl(self, *, stale: bool = False) -> bytes:
        """Return the revocation list, DER; a stale one expired an hour ago."""
        update = now() - (2 * DAY if stale else MINUTE)
        end = now() - dt.timedelta(hours=1) if stale else now() + DAY
        builder = x509.CertificateRevocationListBuilder(self.root.subject, update, end)
        for number, moment in self.revoked.items():
            entry = x509.RevokedCertificateBuilder(number, moment).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(self, request: bytes, fault: str = "") -> bytes:
        """Return an OCSP response, DER. ``fault`` is "tryLater", "unauthorized", "unknown" or "stale"."""
        if fault in {"tryLater", "unauthorized"}:
            status = ocsp.OCSPResponseStatus.TRY_LATER
            if fault == "unauthorized":
                status = ocsp.OCSPResponseStatus.UNAUTHORIZED
            return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
        asked = ocsp.load_der_ocsp_request(request)
        revoked_at = self.revoked.get(asked.serial_number)
        state = ocsp.OCSPCertStatus.GOOD if revoked_at is None else ocsp.OCSPCertStatus.REVOKED
        if fault == "unknown":
            state, revoked_at = ocsp.OCSPCertStatus.UNKNOWN, None
        began = now() - (2 * DAY if fault == "stale" else MINUTE)
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=state,
            this_update=began,
            next_update=began + DAY,
            revocation_time=revoked_at,
            revocation_reason=None,
        )
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.root)
        return signed.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def serial() -> int:
    """Return a random positive serial number."""
    return random_bits(127) | 1 << 126


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
