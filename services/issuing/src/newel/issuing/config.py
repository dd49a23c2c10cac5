"""The issuing authority's configuration."""

import datetime as dt
from pathlib import Path

from pydantic import Field, model_validator

from newel.crypto.profile import CommonName
from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration

STEP_EXTENSION = "1.3.6.1.4.1.37476.9000.64.1"


class IssuerConfig(Settings):
    """One issuer: a CA certificate whose key the signer holds."""

    key: str
    """The signer's name for the key."""
    certificate_file: Path
    """PEM: the issuer's certificate first, then its chain up to but not including the root."""
    root_file: Path | tuple[Path, ...]
    """PEM, one file or several: roots, of which one is the one that the chain ends at."""
    active: bool = True
    """Whether it issues. The others only have the status of their certificates served."""


class ProfileConfig(Settings):
    """What a kind of certificate may be."""

    default_duration: Duration = dt.timedelta(hours=24)
    max_duration: Duration = dt.timedelta(days=90)
    min_duration: Duration = dt.timedelta(seconds=5)
    backdate: Duration = dt.timedelta(minutes=1)
    """How much earlier than now a certificate begins: other clocks go wrong."""
    oldest_start: Duration = dt.timedelta(hours=1)
    """How far in the past a caller may have a certificate begin; the backdate, where that is more."""
    latest_start: Duration = dt.timedelta(hours=1)
    """How far in the future a caller may have a certificate begin; the signer's key has a bound too."""
    extended_key_usages: tuple[str, ...] = ("serverAuth", "clientAuth")
    """Names of RFC 5280 §4.2.1.12 or object identifiers."""
    common_name: CommonName = CommonName.KEEP
    """Whether the subject's common name is the caller's, is there at any rate, or is dropped."""
    caller_extensions: tuple[str, ...] = ()
    """Object identifiers of the extensions a caller may give beyond the names."""
    must_staple: bool = True
    """Whether a caller may have it said that the server staples its status (RFC 7633), where the
    certificates name an OCSP responder."""
    provisioner_extension: bool = True
    """Whether certificates say which provisioner let them be issued."""
    allow_underscores: bool = False
    """Whether domain names may have underscores, as names of hosts have that no rule of RFC 1123 reaches."""
    max_names: int = Field(default=256, ge=1, le=256)
    """How many names one certificate has at most; requests with more than 256 are not even read."""

    @model_validator(mode="after")
    def _ordered(self) -> "ProfileConfig":
        if not dt.timedelta(0) < self.min_duration <= self.default_duration <= self.max_duration:
            raise ValueError("min_duration, default_duration and max_duration are out of order")
        if not dt.timedelta(0) <= self.backdate <= dt.timedelta(hours=24):
            raise ValueError("backdate is negative or longer than 24h")
        return self


class Urls(Settings):
    """Where relying parties ask about certificates. ``{issuer}`` becomes the issuer's id."""

    ocsp: str = ""
    ca_issuers: str = ""
    crl: str = ""


def _profiles() -> dict[str, ProfileConfig]:
    return {
        "leaf": ProfileConfig(),
        "server": ProfileConfig(provisioner_extension=False, allow_underscores=True),
    }


class Config(Settings):
    """The whole service."""

    issuers: tuple[IssuerConfig, ...] = Field(min_length=1)
    profiles: dict[str, ProfileConfig] = Field(default_factory=_profiles)
    default_profile: str = "leaf"
    urls: Urls = Urls()
    issuance_callers: tuple[str, ...] = ("registration",)
    repository_callers: tuple[str, ...] = ("registration", "validation", "inventory")
    takeover_after: Duration = dt.timedelta(seconds=2)
    """How old an intent under way elsewhere must be before a retry finishes it."""
    reconcile_every: Duration = dt.timedelta(seconds=15)
    reconcile_after: Duration = dt.timedelta(minutes=1)
    """How old an open intent must be before reconciliation takes it up."""
    fault_step: int | None = None
    """For the tests of crashes: see ``faults.py``."""

    @model_validator(mode="after")
    def _complete(self) -> "Config":
        if self.default_profile not in self.profiles:
            raise ValueError(f"default_profile: there is no profile {self.default_profile!r}")
        if not any(issuer.active for issuer in self.issuers):
            raise ValueError("issuers: none is active")
        return self
