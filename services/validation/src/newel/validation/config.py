"""The validation authority's configuration."""

import datetime as dt
import re
from pathlib import Path

from pydantic import Field, model_validator

from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration

_ZERO = dt.timedelta(0)
_SECOND = dt.timedelta(seconds=1)
_ORIGIN = re.compile(r"https?://[^/?#\s]+")


class IssuerConfig(Settings):
    """An issuer whose certificates' status is served here."""

    certificate_file: Path
    """PEM: the issuer's certificate first; what follows is ignored."""
    crl_key: str
    """The signer's name for the issuer's key."""
    responder_key: str = ""
    """The signer's name for the OCSP responder's key; empty: the issuer's own key answers."""
    responder_certificate_file: Path | None = None
    """PEM: the certificate of the responder's key, made by this issuer for OCSP signing."""
    crl_url: str = ""
    """For relying parties that ask for an IssuingDistributionPoint: the CRL distribution point as it
    stands in leaves, octet for octet; ``{issuer}`` becomes the issuer's id. Usually empty, and then the
    CRL has none: it lists every certificate (RFC 5280 §5.2.5), and NSS reads no list that has one."""
    active: bool = True
    """Whether ``/crl`` may mean this issuer: the first active one it is."""

    @model_validator(mode="after")
    def _delegated_whole(self) -> "IssuerConfig":
        if bool(self.responder_key) != (self.responder_certificate_file is not None):
            raise ValueError("responder_key and responder_certificate_file go together")
        return self


class CrlFileConfig(Settings):
    """An issuer whose key no service has, a root above all: a ceremony makes its CRL."""

    certificate_file: Path | tuple[Path, ...]
    """PEM, one file or several: the issuer's certificate first, unless ``chain_file`` says which it is."""
    chain_file: Path | None = None
    """PEM: a chain. Of several issuers the one is meant that issued the last certificate in it."""
    crl_file: Path
    """PEM or DER. Read again when it changes; as long as there is none, the log and a metric say so."""


class OcspConfig(Settings):
    """How OCSP is answered."""

    validity: Duration = dt.timedelta(hours=24)
    """From thisUpdate to nextUpdate. Answers are signed anew at half of it."""
    unknown_validity: Duration = dt.timedelta(minutes=1)
    """The same for serials never issued: one may be issued any moment."""
    max_age: Duration = _SECOND
    """How long HTTP caches keep an answer: so much later a revocation shows behind them."""
    cache_answers: int = Field(default=8192, ge=1)
    """Signed answers kept in memory, about 4 KiB each."""
    max_waiting: int = Field(default=2000, ge=1)
    """Answers being signed at once; beyond that clients are told to try later."""

    @model_validator(mode="after")
    def _ordered(self) -> "OcspConfig":
        if not _ZERO <= self.max_age <= self.validity / 2:
            raise ValueError("max_age is negative or more than half of validity")
        if self.unknown_validity < _SECOND:
            raise ValueError("unknown_validity is less than a second")
        return self


class CrlConfig(Settings):
    """How CRLs are published."""

    validity: Duration = dt.timedelta(hours=24)
    """From thisUpdate to nextUpdate."""
    period: Duration = dt.timedelta(hours=8)
    """A new CRL at least this often, and whenever something is revoked."""
    max_age: Duration = dt.timedelta(seconds=5)
    """How long HTTP caches keep a CRL."""
    folder: Path | None = None
    """Where the newest CRLs are also written, for static hosting; their numbers are honoured even
    if the database has forgotten them."""

    @model_validator(mode="after")
    def _ordered(self) -> "CrlConfig":
        if not _SECOND <= self.period < self.validity:
            raise ValueError("period is less than a second or not less than validity")
        if not _ZERO <= self.max_age <= self.validity - self.period:
            raise ValueError("max_age is negative or outlives the CRL")
        return self


class HttpConfig(Settings):
    """How the plain HTTP address is served."""

    base_path: str = Field(default="", pattern=r"^(/[^/?#%]+)*$")
    """What stands before ``/ocsp`` and ``/crl`` in the URLs that certificates carry, ``/pki`` say. Requests
    are answered with it and without it: a proxy may take it away."""
    cross_origin: tuple[str, ...] = ()
    """Origins whose scripts may read what is served here (``"https://app.example"``, or ``"*"`` alone)."""

    @model_validator(mode="after")
    def _origins(self) -> "HttpConfig":
        for origin in self.cross_origin:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"cross_origin: {origin!r} is no origin such as https://app.example"
                )
        if "*" in self.cross_origin and len(self.cross_origin) > 1:
            raise ValueError('cross_origin: "*" is every origin, and stands alone')
        return self


class ReconcileConfig(Settings):
    """How what events told is compared with the issuing authority's lists."""

    revoked_every: Duration = dt.timedelta(seconds=10)
    issued_every: Duration = dt.timedelta(minutes=5)
    max_lag: Duration = dt.timedelta(hours=4)
    """Without a comparison for so long, nothing is called good and no CRL is made."""
    keep_expired: Duration = dt.timedelta(days=7)
    """How long statuses are kept past the certificate's expiry."""


class Config(Settings):
    """The whole service."""

    issuers: tuple[IssuerConfig, ...] = Field(min_length=1)
    crl_files: tuple[CrlFileConfig, ...] = ()
    roots_file: Path | tuple[Path, ...] | None = None
    """PEM, one file or several: served at ``/roots.pem``."""
    ocsp: OcspConfig = OcspConfig()
    crl: CrlConfig = CrlConfig()
    http: HttpConfig = HttpConfig()
    reconcile: ReconcileConfig = ReconcileConfig()
    poll_every: Duration = dt.timedelta(milliseconds=250)
    """How often a worker looks for what other workers changed."""

    @model_validator(mode="after")
    def _entries_outlive_certificates(self) -> "Config":
        if self.reconcile.keep_expired < 2 * self.crl.period:
            raise ValueError("keep_expired is less than two periods of the CRL (RFC 5280 §3.3)")
        return self
