"""The issuing authority's configuration."""

import datetime as dt
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from newel.crypto import crl_shards, extensions
from newel.crypto.profile import EVERY, CommonName
from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration

# RFC 5280 §4.2.1.12
EXTENDED_KEY_USAGES = {
    "serverAuth": extensions.SERVER_AUTH,
    "clientAuth": extensions.CLIENT_AUTH,
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
}
USAGES = frozenset((*extensions.KEY_USAGES, *EXTENDED_KEY_USAGES))
"""The names of usages in this configuration."""


def usage_name(usage: str) -> str:
    """Return the object identifier of an extended key usage's name; anything else as it is."""
    return EXTENDED_KEY_USAGES.get(usage, usage)


class IssuerConfig(Settings):
    """One issuer: a CA certificate whose key the signer holds."""

    key: str
    """The signer's name for the key."""
    certificate_file: Path
    """PEM: the issuer's certificate first, then its chain up to but not including the root."""
    root_file: Path | tuple[Path, ...]
    """PEM, one file or several: the chain leads to one of these roots."""
    active: bool = True
    """Whether it issues. Of the others only the status of their certificates is served."""


class ProfileConfig(Settings):
    """The limits of one kind of certificate."""

    default_duration: Duration = dt.timedelta(hours=24)
    """The lifetime of certificates whose request names none."""
    max_duration: Duration = dt.timedelta(days=90)
    """The longest lifetime."""
    min_duration: Duration = dt.timedelta(seconds=5)
    """The shortest lifetime."""
    backdate: Duration = dt.timedelta(minutes=1)
    """How far before now a certificate's notBefore lies, because other clocks are slow."""
    oldest_start: Duration = dt.timedelta(hours=1)
    """How far in the past a requested notBefore may lie; the backdate, where that is more."""
    latest_start: Duration = dt.timedelta(hours=1)
    """How far in the future a requested notBefore may lie; the signer has a limit of its own."""
    extended_key_usages: tuple[str, ...] = ("serverAuth", "clientAuth")
    """Names of RFC 5280 §4.2.1.12 or object identifiers."""
    common_name: CommonName = CommonName.KEEP
    """Whether the subject keeps the requested common name, always gets one, or has none."""
    caller_extensions: tuple[str, ...] = ()
    """Object identifiers of the extensions that a request may contain; ``*``: all but those that the
    authority sets itself, and those of authorities and responders."""
    caller_usages: tuple[str, ...] = ()
    """Usages beyond those above that a request may ask for: names of RFC 5280 §4.2.1.3 and §4.2.1.12 or
    object identifiers; ``*``: all but those of authorities and responders."""
    must_staple: bool = True
    """Whether a request may contain the must-staple extension (RFC 7633), where certificates name an
    OCSP responder."""
    provisioner_extension: bool = True
    """Whether certificates contain the step provisioner extension."""
    allow_underscores: bool = False
    """Whether DNS names may contain underscores, which RFC 1123 does not allow in host names."""
    max_names: int = Field(default=256, ge=1, le=256)
    """The maximum number of names in one certificate."""

    @field_validator("caller_usages")
    @classmethod
    def _usages_known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for each in given:
            if each != EVERY and each not in USAGES and not each[:1].isdigit():
                raise ValueError(f"there is no usage {each!r}; * means every usage")
        return given

    @model_validator(mode="after")
    def _check_order(self) -> "ProfileConfig":
        if not dt.timedelta(0) < self.min_duration <= self.default_duration <= self.max_duration:
            raise ValueError("min_duration, default_duration and max_duration are out of order")
        if not dt.timedelta(0) <= self.backdate <= dt.timedelta(hours=24):
            raise ValueError("backdate is negative or longer than 24h")
        return self

    def purposes(self) -> list[str]:
        """Return the extended key usages that certificates may have, as object identifiers or ``*``."""
        further = [each for each in self.caller_usages if each not in extensions.KEY_USAGES]
        return [usage_name(each) for each in (*self.extended_key_usages, *further)]


class SSHIssuerConfig(Settings):
    """One SSH issuer: a key of the signer that certifies users, or hosts."""

    key: str
    """The signer's name for the key."""
    type: Literal["user", "host"]
    """What it certifies."""
    active: bool = True
    """Whether it issues. The others are listed, so that their certificates are trusted until they end."""
    max_validity: Duration = dt.timedelta(days=30)
    """The longest validity of its certificates; provisioners have limits of their own."""
    oldest_start: Duration = dt.timedelta(hours=25)
    """How far in the past a certificate may begin: the longest backdate, and an hour."""
    latest_start: Duration = dt.timedelta(hours=1)
    """How far in the future a certificate may begin; the signer has a limit of its own."""


class Urls(Settings):
    """The URLs in certificates. ``{issuer}`` becomes the issuer's id."""

    ocsp: str = ""
    """The OCSP responder; empty: certificates name none."""
    ca_issuers: str = ""
    """The issuer's certificate; `{issuer}` becomes the issuer's id."""
    crl: str = ""
    """The CRL; `{issuer}` becomes the issuer's id, and `{shard}` the name of the shard (``16-3``)."""
    crl_shards: int = 0
    """Into how many shards the CRL is divided: 2, 4, 8, 16, 32 or 64; 0: not at all. A certificate names
    its shard for as long as it lives, so the validation authority's `crl.shards` must have this number,
    and former ones until the last certificate of theirs has expired."""

    @model_validator(mode="after")
    def _check_shards(self) -> "Urls":
        if self.crl_shards and self.crl_shards not in crl_shards.COUNTS:
            counts = ", ".join(map(str, crl_shards.COUNTS))
            raise ValueError(f"crl_shards: {self.crl_shards} is none of 0, {counts}")
        if bool(self.crl_shards) != ("{shard}" in self.crl):
            raise ValueError("crl_shards and {shard} in crl go together")
        return self


def _default_profiles() -> dict[str, ProfileConfig]:
    return {
        "leaf": ProfileConfig(),
        "server": ProfileConfig(provisioner_extension=False, allow_underscores=True),
    }


class Config(Settings):
    """The configuration of the service."""

    issuers: tuple[IssuerConfig, ...] = Field(min_length=1)
    """The issuers; the first active one that is valid now issues."""
    ssh_issuers: tuple[SSHIssuerConfig, ...] = ()
    """The SSH issuers; the first active one of a type issues."""
    profiles: dict[str, ProfileConfig] = Field(default_factory=_default_profiles)
    """What certificates of each kind may be, by name."""
    default_profile: str = "leaf"
    """The profile of requests that name none."""
    urls: Urls = Urls()
    """Where relying parties reach the validation authority."""
    issuance_callers: tuple[str, ...] = ("registration",)
    """Services that may ask for certificates and revocations."""
    repository_callers: tuple[str, ...] = ("registration", "validation", "inventory")
    """Services that may read certificates and revocations."""
    takeover_after: Duration = dt.timedelta(seconds=2)
    """How old an open intent of another process must be before a retry finishes it."""
    reconcile_every: Duration = dt.timedelta(seconds=15)
    """How often certificates that a crash left unfinished are looked for."""
    reconcile_after: Duration = dt.timedelta(minutes=1)
    """How old an open intent must be before reconciliation settles it."""
    compromised_keys_every: Duration = dt.timedelta(seconds=5)
    """How often keys that were declared compromised are looked for, to revoke the other certificates on
    them."""
    fault_step: int | None = None
    """For crash tests: see ``faults.py``."""

    @model_validator(mode="after")
    def _check_references(self) -> "Config":
        if self.default_profile not in self.profiles:
            raise ValueError(f"default_profile: there is no profile {self.default_profile!r}")
        if not any(issuer.active for issuer in self.issuers):
            raise ValueError("issuers: none is active")
        return self

    def certificate_rules(self) -> dict[str, Any]:
        """Return the ``certificates`` table of the signer's key that these profiles need."""
        profiles = self.profiles.values()
        usages = {usage for each in profiles for usage in each.purposes()}
        others = {oid for each in profiles for oid in each.caller_extensions}
        return {
            "max_validity": max(each.max_duration for each in profiles),
            "latest_start": max(each.latest_start for each in profiles),
            "extended_key_usages": [EVERY] if EVERY in usages else sorted(usages),
            "require_extended_key_usage": all(each.extended_key_usages for each in profiles),
            "other_extensions": [EVERY] if EVERY in others else sorted(others),
        }
