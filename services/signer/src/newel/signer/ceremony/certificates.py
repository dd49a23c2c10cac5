"""Issuing the certificates of a plan, in memory and in tokens; no file is written here.

For each certificate: a new key pair, the TBSCertificate, linted, the issuer's signature, and finally a check
of the result: it parses, and its signature is its issuer's.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import ca, distinguished_names, keys, names, oids, serials
from newel.crypto import certificate as certificates
from newel.crypto.distinguished_names import Attribute
from newel.crypto.lint import CertificateLinter
from newel.runtime.config import ConfigError
from newel.runtime.entropy import random_bytes
from newel.signer.ceremony.plan import (
    DEFAULT_VALIDITY,
    CertificatePlan,
    CrossPlan,
    ExistingIssuer,
    Plan,
    SSHKeyPlan,
    Subject,
    Urls,
)
from newel.signer.issuer import Issuer, read_issuer
from newel.signer.keys import SigningKey
from newel.signer.keystore.file import FileKey
from newel.signer.keystore.opening import make_token_key, open_key
from newel.signer.keystore.passwords import read_password
from newel.signer.stores import FileStore, PKCS11Store

BACKDATE = dt.timedelta(minutes=1)
_SECOND = dt.timedelta(seconds=1)


class CeremonyError(ConfigError):
    """The ceremony is impossible as planned; nothing was written."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate, DER, with its issuers up to but not including the root; and the key's file."""

    plan: CertificatePlan
    chain: tuple[bytes, ...]
    key: SigningKey
    key_pem: bytes | None  # None if it is in a token or a key service

    @property
    def certificate(self) -> bytes:
        """The certificate itself."""
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class IssuedCross:
    """A second certificate of a CA, DER, with its issuers up to but not including the root."""

    plan: CrossPlan
    chain: tuple[bytes, ...]

    @property
    def certificate(self) -> bytes:
        """The certificate itself."""
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class OpenIssuer:
    """A CA with its open key; ``chain`` follows the certificates that it issues."""

    issuer: Issuer
    key: SigningKey
    chain: tuple[bytes, ...]


def open_issuers(plan: Plan) -> dict[str, OpenIssuer]:
    """Open the CAs from earlier ceremonies, by name, each with its key."""
    return {each.name: _open_issuer(each) for each in plan.existing}


def make_certificates(
    plan: Plan, issuers: dict[str, OpenIssuer], now: dt.datetime
) -> list[IssuedCertificate]:
    """Issue every certificate of the plan, in its order; its CAs are added to the issuers."""
    return [_make_one(each, issuers, now) for each in plan.certificates]


def make_crosses(plan: Plan, issuers: dict[str, OpenIssuer], now: dt.datetime) -> list[IssuedCross]:
    """Issue every cross-certificate of the plan, of CAs that are open by now. Raises CeremonyError."""
    return [_make_cross(each, issuers, now) for each in plan.cross_certificates]


def _make_cross(plan: CrossPlan, issuers: dict[str, OpenIssuer], now: dt.datetime) -> IssuedCross:
    itself, by = issuers[plan.of].issuer, issuers[plan.issuer]
    own, limit = (ca.read_path_length(each.certificate) for each in (itself, by.issuer))
    length = own if limit is None or (own is not None and own < limit) else limit - 1
    if length is not None and length < int(itself.is_root):
        raise CeremonyError(
            f"{plan.name}: the path length {limit} of {plan.issuer} has no room for {plan.of} and the CAs below"
            f" it: without a cross-certificate, give every client both roots before {plan.of} issues"
        )
    lifetime = plan.validity or DEFAULT_VALIDITY["root"]
    body = _body(itself.subject, itself.spki, lifetime, by, now)
    pointers = _pointers(plan.urls, by)
    tbs = ca.intermediate_tbs(body, by.issuer.certificate, length, pointers=pointers)
    return IssuedCross(plan, _issue(tbs, by))


def reissue(current: x509.Certificate, by: ExistingIssuer, now: dt.datetime) -> tuple[bytes, ...]:
    """Issue an OCSP responder's certificate again: same key, same subject, same validity from now."""
    issuer = _open_issuer(by)
    lifetime = current.not_valid_after_utc - current.not_valid_before_utc + _SECOND
    itself = Issuer(current.public_bytes(Encoding.DER))
    body = _body(itself.subject, itself.spki, lifetime, issuer, now)
    return _issue(ca.ocsp_responder_tbs(body, issuer.issuer.certificate), issuer)


def _open_issuer(plan: ExistingIssuer) -> OpenIssuer:
    issuer, key = read_issuer(plan.certificate.read_bytes()), open_key(plan.store)
    if keys.spki(issuer.public_key) != keys.spki(key.public_key):
        raise CeremonyError(f"{plan.certificate}: the key of {plan.name} is not this certificate's")
    chain = () if issuer.is_root else (issuer.der,)
    return OpenIssuer(issuer, key, chain)


def _make_one(
    plan: CertificatePlan, issuers: dict[str, OpenIssuer], now: dt.datetime
) -> IssuedCertificate:
    key, key_pem = make_key(plan)
    issuer = issuers[plan.issuer] if plan.issuer else None
    body = _body(_name(plan.subject), keys.spki(key.public_key), plan.lifetime, issuer, now)
    tbs = _tbs(plan, body, issuer)
    chain = _issue(tbs, issuer) if issuer else _self_sign(tbs, key)
    if plan.role in {"root", "intermediate"}:
        issuers[plan.name] = OpenIssuer(Issuer(chain[0]), key, chain if issuer else ())
    return IssuedCertificate(plan, chain, key, key_pem)


def _body(
    subject: bytes, spki: bytes, lifetime: dt.timedelta, issuer: OpenIssuer | None, now: dt.datetime
) -> ca.Body:
    start = now.replace(microsecond=0) - BACKDATE
    end = start + lifetime - _SECOND
    if issuer:
        end = min(end, issuer.issuer.not_after)
    serial = serials.new_serial(now.timestamp(), random_bytes(serials.RANDOM_OCTETS))
    return ca.Body(serial, subject, spki, start, end)


def _issue(tbs: bytes, issuer: OpenIssuer) -> tuple[bytes, ...]:
    return (_sign_certificate(tbs, issuer.key, issuer.issuer), *issuer.chain)


def _self_sign(tbs: bytes, key: SigningKey) -> tuple[bytes, ...]:
    return (_sign_certificate(tbs, key, None),)


def _sign_certificate(tbs: bytes, key: SigningKey, issuer: Issuer | None) -> bytes:
    """Lint and sign a certificate, and verify its signature."""
    try:
        CertificateLinter(issuer.certificate if issuer else None).lint(tbs)
    except ValueError as error:
        raise CeremonyError(str(error)) from None
    algorithm = keys.signature_algorithm(key.public_key)
    encoded = certificates.assemble(tbs, algorithm, key.sign(tbs))
    itself = Issuer(encoded)
    if not itself.is_issued_by(issuer or itself):
        raise CeremonyError("the signature of a certificate is not by its issuer's key")
    return encoded


def make_key(plan: CertificatePlan | SSHKeyPlan) -> tuple[SigningKey, bytes | None]:
    """Make a key in its store and return it, with the PEM of one whose file is still to be written."""
    if isinstance(plan.store, PKCS11Store):
        return make_token_key(plan.store, plan.algorithm), None
    if not isinstance(plan.store, FileStore):
        return _existing_key(plan), None
    private = keys.generate(plan.algorithm)
    password = read_password(plan.store)
    if password is None:
        return FileKey(private), keys.plain_private_key(private)
    return FileKey(private), keys.encrypt_private_key(private, password)


def _existing_key(plan: CertificatePlan | SSHKeyPlan) -> SigningKey:
    """Open the key that was made in a key service, which must be of the planned kind."""
    key = open_key(plan.store)
    kind = keys.kind_of(key.public_key)
    if kind is not plan.algorithm:
        raise CeremonyError(
            f"{plan.name}: the key in {plan.store.location} is {kind or 'of another kind'}, and the plan says"
            f" {plan.algorithm}"
        )
    return key


def _tbs(plan: CertificatePlan, body: ca.Body, issuer: OpenIssuer | None) -> bytes:
    if issuer is None:
        return ca.root_tbs(body, 1 if plan.path_length is None else plan.path_length)
    by = issuer.issuer.certificate
    if plan.role == "intermediate":
        return ca.intermediate_tbs(
            body, by, plan.path_length or 0, pointers=_pointers(plan.urls, issuer)
        )
    if plan.role == "ocsp-responder":
        return ca.ocsp_responder_tbs(body, by)
    return ca.internal_tbs(body, by, [names.dns_name(name) for name in plan.dns_names])


def _pointers(wanted: Urls, issuer: OpenIssuer) -> ca.Pointers:
    identifier = certificates.issuer_id(issuer.issuer.der)
    ocsp, ca_issuers, crl = (
        tuple(url.replace("{issuer}", identifier) for url in urls)
        for urls in (wanted.ocsp, wanted.ca_issuers, wanted.crl)
    )
    return ca.Pointers(ocsp, ca_issuers, crl)


def _name(subject: Subject) -> bytes:
    attributes: Sequence[tuple[str, str | None]] = (
        (oids.COUNTRY, subject.country),
        (oids.ORGANIZATION, subject.organization),
        (oids.COMMON_NAME, subject.common_name),
    )
    return distinguished_names.encode(Attribute(oid, value) for oid, value in attributes if value)
