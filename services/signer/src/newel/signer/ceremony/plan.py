"""The plan of a ceremony, as in its TOML file.

Certificates are made in the order of the file; an issuer precedes the certificates it issues, or exists
already. Nothing is ever overwritten.
"""

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from newel.crypto import names
from newel.crypto.keys import KeyKind
from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration
from newel.signer.stores import AnyStore, FileStore, PKCS11Store, Store

Role = Literal["root", "intermediate", "ocsp-responder", "service"]
"""``service``: a certificate for mutual TLS between the project's own services."""

_YEAR = dt.timedelta(days=365)
DEFAULT_VALIDITY: dict[Role, dt.timedelta] = {
    "root": 10 * _YEAR,
    "intermediate": 10 * _YEAR,
    "ocsp-responder": _YEAR,
    "service": _YEAR,
}


class Subject(Settings):
    """A distinguished name."""

    common_name: str
    organization: str | None = None
    country: str | None = None


class Urls(Settings):
    """The URLs of an intermediate's status and issuer.

    ``{issuer}`` becomes the id of its issuer: the first 16 hex digits of SHA-256 of that
    certificate, as in the validation authority's paths.
    """

    ocsp: tuple[str, ...] = ()
    ca_issuers: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()


class CertificatePlan(Settings):
    """A key and its certificate, both to be made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    role: Role
    issuer: str | None = None
    """The name of another certificate of the plan; none for a root."""
    subject: Subject
    algorithm: KeyKind = KeyKind.P256
    store: Store
    """The store of the key. A CA's key file needs a password; a service's must not have one. A key in a key
    service exists already: it was made there by the service's own tools."""
    certificate: Path
    """The file of the certificate, PEM, followed by its issuers up to but not including the root."""
    validity: Duration | None = None
    path_length: int | None = Field(default=None, ge=0)
    """The number of CAs below; by default 1 for a root and 0 for an intermediate."""
    dns_names: tuple[str, ...] = ()
    urls: Urls = Urls()

    @property
    def lifetime(self) -> dt.timedelta:
        """The validity, or the default of the role."""
        return self.validity or DEFAULT_VALIDITY[self.role]

    @model_validator(mode="after")
    def _check_fields(self) -> "CertificatePlan":
        if (self.role == "root") != (self.issuer is None):
            raise ValueError("a root has no issuer, and everything else has one")
        if (self.role == "service") != bool(self.dns_names):
            raise ValueError("a service's certificate has dns_names, and no other has")
        if self.path_length is not None and self.role not in {"root", "intermediate"}:
            raise ValueError("only CAs have a path_length")
        if isinstance(self.store, FileStore) and (
            (self.role == "service") == self.store.has_password
        ):
            raise ValueError("every key file but a service's is protected by a password")
        if isinstance(self.store, PKCS11Store) and not (self.store.label and self.store.id):
            raise ValueError("a key to be made in a token needs a label and an id")
        for name in self.dns_names:
            names.dns_name(name)
        return self


def plan_intermediate(
    subject: Subject,
    store: Store,
    certificate: Path,
    root_crl_url: str,
    algorithm: KeyKind = KeyKind.P256,
) -> CertificatePlan:
    """Plan an intermediate below the root of an embedded authority; no URL leaves out its CRL."""
    return CertificatePlan(
        name="intermediate",
        role="intermediate",
        issuer="root",
        subject=subject,
        algorithm=algorithm,
        store=store,
        certificate=certificate,
        urls=Urls(crl=(root_crl_url,) if root_crl_url else ()),
    )


class CrossPlan(Settings):
    """A second certificate for the key of a CA, by another CA: for a new root, by the root before it.

    What the CA issues then has a path to both roots, and programs that trust one of them accept it.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    of: str
    """The name of the CA, new or existing, whose subject and key it has."""
    issuer: str
    """The name of the CA that issues it, new or existing."""
    certificate: Path
    """The file of the certificate, PEM, followed by its issuers up to but not including the root."""
    validity: Duration | None = None
    """Ten years by default; the issuer's end is the latest."""
    urls: Urls = Urls()


class SSHKeyPlan(Settings):
    """The key of an SSH CA, to be made; it has no certificate."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    algorithm: KeyKind = KeyKind.P256
    store: Store
    """The store of the key, as for a CA."""
    public_key: Path
    """The file of the public key, one line as in ``authorized_keys``."""

    @model_validator(mode="after")
    def _check_store(self) -> "SSHKeyPlan":
        if isinstance(self.store, FileStore) and not self.store.has_password:
            raise ValueError("the key file of an SSH CA is protected by a password")
        if isinstance(self.store, PKCS11Store) and not (self.store.label and self.store.id):
            raise ValueError("a key to be made in a token needs a label and an id")
        return self


Reason = Literal[
    "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation"
]  # fmt: skip # words in rows
"""Why a CA's certificate was revoked (RFC 5280 §5.3.1)."""


class RevokedPlan(Settings):
    """A certificate to be revoked by the issuer of the list."""

    certificate: Path
    """PEM or DER."""
    reason: Reason = "unspecified"


class ListPlan(Settings):
    """The CRL of a CA whose key no service has.

    It replaces the previous list, keeps its revocations, and has a higher number.
    """

    issuer: str
    """The name of a CA of the plan, new or existing."""
    file: Path
    """The file of the list and of the previous one, PEM."""
    validity: Duration = Field(default=_YEAR, ge=dt.timedelta(hours=1))
    revoked: tuple[RevokedPlan, ...] = ()


class ExistingIssuer(Settings):
    """A CA from an earlier ceremony that issues again."""

    name: str
    certificate: Path
    store: Store


class Plan(Settings):
    """A whole ceremony."""

    record: Path | None = None
    """The file of the record of the ceremony, JSON; optional only if no certificate is made."""
    existing: tuple[ExistingIssuer, ...] = ()
    certificates: tuple[CertificatePlan, ...] = ()
    cross_certificates: tuple[CrossPlan, ...] = ()
    ssh_keys: tuple[SSHKeyPlan, ...] = ()
    crls: tuple[ListPlan, ...] = ()

    @model_validator(mode="after")
    def _check_order(self) -> "Plan":
        issuers = {issuer.name for issuer in self.existing}
        seen = set(issuers)
        for certificate in self.certificates:
            if certificate.name in seen:
                raise ValueError(f"two certificates are named {certificate.name}")
            if certificate.issuer is not None and certificate.issuer not in issuers:
                raise ValueError(f"{certificate.name}: no CA {certificate.issuer!r} precedes it")
            seen.add(certificate.name)
            if certificate.role in {"root", "intermediate"}:
                issuers.add(certificate.name)
        self._check_crosses(issuers, seen)
        for crl in self.crls:
            if crl.issuer not in issuers:
                raise ValueError(f"crls: the plan has no CA {crl.issuer!r}")
        recorded = bool(self.certificates or self.cross_certificates or self.ssh_keys)
        if not (recorded or self.crls):
            raise ValueError(
                "the plan makes neither certificates nor crls nor ssh_keys nor cross_certificates"
            )
        if recorded and self.record is None:
            raise ValueError("record: missing; certificates and SSH keys need a record")
        written = [*self.files(), *(crl.file for crl in self.crls)]
        if len(set(written)) != len(written):
            raise ValueError("two things would be written to the same file")
        return self

    def _check_crosses(self, issuers: set[str], seen: set[str]) -> None:
        for cross in self.cross_certificates:
            for name in (cross.of, cross.issuer):
                if name not in issuers:
                    raise ValueError(f"{cross.name}: the plan has no CA {name!r}")
            if cross.of == cross.issuer or cross.name in seen:
                raise ValueError(
                    f"{cross.name}: it has a name of its own, and two CAs: of one, by the other"
                )
            seen.add(cross.name)

    def files(self) -> list[Path]:
        """List every file the ceremony makes, none of which may exist; CRLs replace older ones."""
        found = [self.record] if self.record else []
        found += [each.certificate for each in (*self.certificates, *self.cross_certificates)]
        found += [each.public_key for each in self.ssh_keys]
        return found + [each.path for each in self.stores() if isinstance(each, FileStore)]

    def stores(self) -> list[AnyStore]:
        """List the store of every key that the ceremony makes."""
        return [each.store for each in (*self.certificates, *self.ssh_keys)]

    def describe(self) -> str:
        """Describe the plan, identically for the same file."""
        lines: list[str] = []
        for each in self.certificates:
            by = f"issued by {each.issuer}" if each.issuer else "self-signed"
            lines += [
                f"{each.name}: {each.role}, {each.subject.common_name!r}, {by}",
                f"  key          {each.algorithm.value} in {each.store.location}",
                f"  certificate  {each.certificate}, valid for {each.lifetime.days} days",
            ]
        for cross in self.cross_certificates:
            lines += [
                f"{cross.name}: {cross.of}, issued by {cross.issuer} as well",
                f"  certificate  {cross.certificate}, valid for {(cross.validity or 10 * _YEAR).days} days",
            ]
        for key in self.ssh_keys:
            lines += [
                f"{key.name}: SSH CA",
                f"  key          {key.algorithm.value} in {key.store.location}",
                f"  public key   {key.public_key}",
            ]
        for crl in self.crls:
            lines.append(f"CRL of {crl.issuer}: {crl.file}, valid for {crl.validity.days} days")
            lines += [f"  revokes      {one.certificate} ({one.reason})" for one in crl.revoked]
        return "\n".join([*lines, *([f"record         {self.record}"] if self.record else [])])
