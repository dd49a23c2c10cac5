"""The signer's configuration: the keys, and what each may sign.

No setting allows a root's key, CA certificates or OCSP delegation: a certificate that names itself as
issuer is refused at start, and the rules for certificates have no such setting. Only the ceremony makes
them.
"""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from newel.crypto import extensions, oids
from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration as AnyDuration
from newel.signer.extension_values import NEVER
from newel.signer.key_uris import KeyURIError, parse_key_uri, scheme_of
from newel.signer.stores import Store

__all__ = ["Config", "KeyConfig", "KeyURIError", "parse_key_uri", "scheme_of"]

_USAGES = {
    "serverAuth": extensions.SERVER_AUTH,
    "clientAuth": extensions.CLIENT_AUTH,
    "codeSigning": oids.CODE_SIGNING,
    "emailProtection": oids.EMAIL_PROTECTION,
    "timeStamping": oids.TIME_STAMPING,
}
_NEVER = {extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE, "OCSPSigning", "any"}


def _usage(value: object) -> object:
    if value in _NEVER:
        raise ValueError(f"a service's key never gives the usage {value}")
    return _USAGES.get(value, value) if isinstance(value, str) else value


def _extension(value: object) -> object:
    if isinstance(value, str) and value in NEVER:
        raise ValueError(f"no service's key signs {NEVER[value]} ({value})")
    return value


Duration = Annotated[AnyDuration, Field(gt=dt.timedelta(0))]
"""``"24h"``, ``"1m30s"`` … as the step tools write durations."""
ObjectIdentifier = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$")]
Usage = Annotated[ObjectIdentifier, BeforeValidator(_usage)]
"""A name of RFC 5280 §4.2.1.12 or an object identifier."""
ExtensionKind = Annotated[ObjectIdentifier, BeforeValidator(_extension)]
Every = Literal["*"]
"""Everything that no setting forbids."""


class CertificateRulesConfig(Settings):
    """Which leaf certificates a key signs."""

    max_validity: Duration = dt.timedelta(days=90)
    """The longest validity of a certificate."""
    latest_start: Duration = dt.timedelta(hours=1)
    """How far in the future a certificate may begin: one for later could outlast the discovery of a compromise."""
    extended_key_usages: tuple[Every | Usage, ...] = Field(
        default=("serverAuth", "clientAuth"), validate_default=True
    )
    """The extended key usages a certificate may have; ``*``: all but those of responders."""
    require_extended_key_usage: bool = True
    """Whether a certificate needs one of them."""
    permitted_names: tuple[str, ...] = ()
    """``"dns:example.com"``, ``"ip:10.0.0.0/8"``, ``"email:example.com"``, ``"uri:example.com"``: every name
    must be at or below one of these. Empty: every name."""
    excluded_names: tuple[str, ...] = ()
    """The same form; these are refused even where permitted."""
    critical_extensions: tuple[ExtensionKind, ...] = ()
    """Extensions beyond those of RFC 5280 that may be critical."""
    other_extensions: tuple[Every | ExtensionKind, ...] = ()
    """Extensions in addition to usages, names, key identifiers, pointers, stapling and the provisioner's;
    ``*``: all but those of authorities and responders."""


class CRLRulesConfig(Settings):
    """Which revocation lists a key signs."""

    max_validity: Duration = dt.timedelta(days=10)
    """The longest time from thisUpdate to nextUpdate."""


class OCSPRulesConfig(Settings):
    """Which OCSP responses a key signs."""

    issuer_certificate: Path
    """PEM: the one issuer whose certificates' status the key states."""
    max_validity: Duration = dt.timedelta(days=7)
    """The longest time from thisUpdate to nextUpdate."""


class SSHRulesConfig(Settings):
    """Which SSH certificates a key signs."""

    certificate_type: Literal["user", "host"]
    """The type of SSH certificates."""
    max_validity: Duration
    """The longest validity of an SSH certificate."""
    latest_start: Duration = dt.timedelta(hours=1)
    """As for X.509."""
    revocation_lists: bool = False
    """Whether it signs the key revocation list of hosts as well, as `ssh-keygen -Y` would."""


class KeyConfig(Settings):
    """A key. It may sign the statements it has rules for."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """The key's name in the other services' configurations."""
    store: Store
    """Where the private key is: a table, or the URI of a key in a key service."""
    certificate: Path | None = None
    """PEM: the issuer's or responder's certificate of the key."""
    certificates: CertificateRulesConfig | None = None
    """What certificates it may sign; without it none."""
    crls: CRLRulesConfig | None = None
    """What CRLs it may sign; without it none."""
    ocsp: OCSPRulesConfig | None = None
    """What OCSP responses it may sign; without it none."""
    ssh: SSHRulesConfig | None = None
    """What SSH certificates it may sign; without it none."""

    @model_validator(mode="after")
    def _check_rules(self) -> "KeyConfig":
        if not (self.certificates or self.crls or self.ocsp or self.ssh):
            raise ValueError("the key may sign nothing")
        if bool(self.certificates or self.crls or self.ocsp) != bool(self.certificate):
            raise ValueError("a key signs X.509 statements if and only if it has a certificate")
        if self.ssh and self.certificate:
            raise ValueError("an SSH authority's key signs nothing else")
        return self


class Config(Settings):
    """The whole service."""

    keys: tuple[KeyConfig, ...] = Field(min_length=1)
    """The keys, and what each may sign."""
    certificate_callers: tuple[str, ...] = ("issuing",)
    """Services that may have certificates signed."""
    status_callers: tuple[str, ...] = ("validation",)
    """Services that may have CRLs and OCSP responses signed."""
    key_callers: tuple[str, ...] = ("issuing", "validation")
    """Services that may list the keys."""
    check_every: Duration = dt.timedelta(seconds=15)
    """How often each key is tried."""

    @model_validator(mode="after")
    def _names_differ(self) -> "Config":
        names = [key.name for key in self.keys]
        if len(set(names)) != len(names):
            raise ValueError("two keys have the same name")
        return self
