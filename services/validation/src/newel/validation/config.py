"""The validation authority's configuration."""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from newel.crypto.crl_shards import COUNTS
from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration

_ZERO = dt.timedelta(0)
_SECOND = dt.timedelta(seconds=1)
_ORIGIN = re.compile(r"https?://[^/?#\s]+")


class IssuerConfig(Settings):
    """An issuer whose certificates' status is served."""

    certificate_file: Path
    """PEM: the issuer's certificate first; what follows is ignored."""
    crl_key: str
    """The signer's name for the issuer's key."""
    responder_key: str = ""
    """The signer's name for the OCSP responder's key; empty: the issuer's own key answers."""
    responder_certificate_file: Path | None = None
    """PEM: the certificate of the responder's key, issued by this issuer for OCSP signing."""
    crl_url: str = ""
    """The URL for the CRL's IssuingDistributionPoint, as it stands in leaves, octet for octet; ``{issuer}``
    becomes the issuer's id. Usually empty: the CRL lists every certificate (RFC 5280 §5.2.5), and NSS
    reads no CRL that has this extension."""
    active: bool = True
    """Whether ``/crl`` may be this issuer's: it is that of the first active one."""

    @model_validator(mode="after")
    def _check_responder(self) -> "IssuerConfig":
        if bool(self.responder_key) != (self.responder_certificate_file is not None):
            raise ValueError("responder_key and responder_certificate_file go together")
        return self


class CRLFileConfig(Settings):
    """An issuer whose key is offline, such as a root: a ceremony makes its CRL."""

    certificate_file: Path | tuple[Path, ...]
    """PEM, one file or several: the issuer's certificate first, unless ``chain_file`` selects it."""
    chain_file: Path | None = None
    """PEM: a chain. It selects, of several issuers, the one that issued its last certificate."""
    crl_file: Path
    """PEM or DER. It is read again when it changes; while it is missing, the log and a metric say so."""


class OCSPConfig(Settings):
    """How OCSP is answered."""

    validity: Duration = dt.timedelta(hours=24)
    """From thisUpdate to nextUpdate. Responses are signed again after half of it."""
    unknown_validity: Duration = dt.timedelta(minutes=1)
    """The same for serials never issued: one may be issued at any moment."""
    never_issued: Literal["unknown", "revoked"] = "unknown"
    """What is said of a serial number that was never issued. `revoked` is the extended definition of RFC
    6960 §2.2 (certificateHold, since 1970), for clients that take `unknown` for no answer and go on."""
    max_age: Duration = _SECOND
    """How long HTTP caches keep a response, and so delay a revocation."""
    cache_answers: int = Field(default=8192, ge=1)
    """The number of signed responses kept in memory, about 4 KiB each."""
    max_waiting: int = Field(default=2000, ge=1)
    """How many responses are signed at once; beyond that, clients are told to try later."""

    @model_validator(mode="after")
    def _check_order(self) -> "OCSPConfig":
        if not _ZERO <= self.max_age <= self.validity / 2:
            raise ValueError("max_age is negative or more than half of validity")
        if self.unknown_validity < _SECOND:
            raise ValueError("unknown_validity is less than a second")
        return self


class ObjectStoreConfig(Settings):
    """A bucket of S3-style storage that CRLs are also written to.

    Credentials are those of the AWS tools, unless a file is named.
    """

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """The name of the bucket, which exists."""
    prefix: str = Field(default="", max_length=512, pattern=r"^([^/\s]+/)*$")
    """What stands before the names of lists: ``crl/``."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+$")
    """The URL of the service, where it is not AWS: the first part of an object's URL."""
    region: str | None = None
    """The region; by default that of the profile or of ``AWS_REGION``."""
    profile: str | None = None
    """The profile in the credentials file."""
    credentials_file: Path | None = None
    """A shared credentials file; by default ``~/.aws/credentials``, the environment or the machine's role."""


class CRLConfig(Settings):
    """How CRLs are published."""

    validity: Duration = dt.timedelta(hours=24)
    """From thisUpdate to nextUpdate."""
    period: Duration = dt.timedelta(hours=8)
    """A new CRL at least this often, and whenever something is revoked."""
    max_age: Duration = dt.timedelta(seconds=5)
    """How long HTTP caches keep a CRL."""
    url: str = Field(default="", pattern=r"^(https?://[^\s?#]*[^\s?#/])?$")
    """What stands before the name of a CRL in the URLs of shards and delta CRLs,
    ``http://ca.example:9080/crl`` say. Certificates must name shards by the same URL."""
    shards: tuple[int, ...] = ()
    """Into how many shards every issuer's CRL is divided, beside the complete one: 2, 4, 8, 16, 32 or 64.
    Several numbers, while certificates still name the shards of a former one."""
    deltas: bool = False
    """Whether every CRL has a delta CRL beside it, of what changed while any CRL in use was valid."""
    folder: Path | None = None
    """Where the latest CRLs are also written, for static hosting; later CRLs have higher numbers than
    these, even after the database was restored."""
    s3: ObjectStoreConfig | None = None
    """A bucket that the latest CRLs are also written to, likewise. This needs ``newel-validation[aws]``."""

    @model_validator(mode="after")
    def _check_shards(self) -> "CRLConfig":
        if not set(self.shards) <= set(COUNTS) or len(set(self.shards)) < len(self.shards):
            raise ValueError(f"shards are divisions into {', '.join(map(str, COUNTS))}, each once")
        if (self.shards or self.deltas) and not self.url:
            raise ValueError("url is missing, which the lists of shards and delta CRLs name")
        return self

    @model_validator(mode="after")
    def _check_order(self) -> "CRLConfig":
        if not _SECOND <= self.period < self.validity:
            raise ValueError("period is less than a second or not less than validity")
        if not _ZERO <= self.max_age <= self.validity - self.period:
            raise ValueError("max_age is negative or outlives the CRL")
        return self


class HTTPConfig(Settings):
    """How the plain HTTP address is served."""

    base_path: str = Field(default="", pattern=r"^(/[^/?#%]+)*$")
    """What stands before ``/ocsp`` and ``/crl`` in the URLs that certificates carry, ``/pki`` say. Requests
    are answered with and without it, because a proxy may remove it."""
    cross_origin: tuple[str, ...] = ()
    """Origins whose scripts may read what is served here (``"https://app.example"``, or ``"*"`` alone)."""

    @model_validator(mode="after")
    def _check_origins(self) -> "HTTPConfig":
        for origin in self.cross_origin:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"cross_origin: {origin!r} is no origin such as https://app.example"
                )
        if "*" in self.cross_origin and len(self.cross_origin) > 1:
            raise ValueError('cross_origin: "*" is every origin, and stands alone')
        return self


class ReconcileConfig(Settings):
    """How the recorded statuses are compared with the issuing authority's lists."""

    revoked_every: Duration = dt.timedelta(seconds=10)
    """How often the revoked certificates are compared."""
    issued_every: Duration = dt.timedelta(minutes=5)
    """How often the issued certificates are compared."""
    max_lag: Duration = dt.timedelta(hours=4)
    """How old a comparison may be: past that, no status is good and no CRL is made."""
    keep_expired: Duration = dt.timedelta(days=7)
    """How long statuses are kept past the certificate's expiry."""


KeyId = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


class SSHConfig(Settings):
    """The key revocation list of SSH certificates."""

    krl_key: str = ""
    """The signer's name for the SSH CA's key that signs the list. Empty: it is not signed, and
    `newel ssh krl` installs none."""
    revoked_key_ids: tuple[KeyId, ...] = Field(default=(), max_length=10_000)
    """Key ids, such as a person's name: the list revokes every certificate that has one, also those that no
    one knows of, and those that are still to be issued."""


class Config(Settings):
    """The configuration of the service."""

    issuers: tuple[IssuerConfig, ...] = Field(min_length=1)
    """The issuers whose certificates' status is served."""
    crl_files: tuple[CRLFileConfig, ...] = ()
    """CRLs that a ceremony made."""
    roots_file: Path | tuple[Path, ...] | None = None
    """PEM, one file or several: served at ``/roots.pem``."""
    ocsp: OCSPConfig = OCSPConfig()
    """How OCSP is answered."""
    crl: CRLConfig = CRLConfig()
    """How CRLs are published."""
    ssh: SSHConfig = SSHConfig()
    """What is published about SSH certificates."""
    http: HTTPConfig = HTTPConfig()
    """What HTTP clients may do."""
    reconcile: ReconcileConfig = ReconcileConfig()
    """How often the issuing authority's lists are compared with this service's."""
    poll_every: Duration = dt.timedelta(milliseconds=250)
    """How often a worker reads what other workers changed."""

    @model_validator(mode="after")
    def _check_keep_expired(self) -> "Config":
        if self.reconcile.keep_expired < 2 * self.crl.period:
            raise ValueError("keep_expired is less than two periods of the CRL (RFC 5280 §3.3)")
        return self
