"""The registration authority's configuration."""

import datetime as dt
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from pydantic import Field, field_validator, model_validator

from newel.crypto import certificate_files, names, pem
from newel.crypto.distinguished_names import Attribute
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.registration.acme.config import ACMEConfig
from newel.registration.policy.levels import Policies, compile_policies
from newel.registration.provisioners.acme_profiles import effective_records
from newel.registration.provisioners.limits import Limits
from newel.registration.rate_limits import Rate
from newel.registration.scep.config import SCEPConfig
from newel.registration.ssh.config import SSHConfig
from newel.registration.subject_defaults import parse_defaults
from newel.runtime.config import Config as Settings
from newel.runtime.config import ConfigError, Duration
from newel.runtime.egress import EgressPolicy, parse_networks
from newel.runtime.http.client_addresses import LOOPBACK
from newel.runtime.http.outgoing import OutgoingClient, OutgoingLimits
from newel.runtime.tls.client import trust_file
from newel.step.ca_json_check import (
    Findings,
    add_path,
    check_claims,
    check_members,
    check_provisioner,
    lines,
)
from newel.step.ca_json_members import SUBJECT
from newel.step.messages import TLSOptions
from newel.step.policies import POLICY, PolicyConfig
from newel.step.provisioners import Claims, ProvisionerConfig, from_mapping

ZERO_ID = "00000000-0000-0000-0000-000000000000"
"""The id of an authority that was given none."""


class ServerCertificateConfig(Settings):
    """The certificate of this server, which it has issued for itself and keeps in memory."""

    common_name: str = "Step Online CA"
    """Its common name."""
    lifetime: Duration = dt.timedelta(hours=24)
    """How long it is valid; it is renewed after two thirds of that."""
    profile: str = "server"
    """The issuing authority's profile for it."""


class RateConfig(Settings):
    """``burst`` requests at once, and ``per_second`` in the long run; 0: no limit."""

    per_second: float = Field(ge=0, le=1e6)
    """Requests per second in the long run; 0 sets no limit."""
    burst: int = Field(default=1, ge=1, le=1_000_000)
    """Requests at once."""

    def rate(self) -> Rate:
        """Return the rate for the limiter."""
        return Rate(self.per_second, self.burst)


class RateLimitsConfig(Settings):
    """Rate limits, shared by all workers of a program; each replica counts for itself."""

    address: RateConfig = RateConfig(per_second=500, burst=10_000)
    """Requests of one client address, for IPv6 of one /64."""
    new_account: RateConfig = RateConfig(per_second=10, burst=500)
    """New ACME accounts from one client address."""
    new_order: RateConfig = RateConfig(per_second=50, burst=5_000)
    """Orders of one ACME account."""
    exempt: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = LOOPBACK
    """Client addresses that are not limited: proxies, which many clients share."""
    remembered: int = Field(default=100_000, ge=1_000, le=10_000_000)
    """How many addresses, and accounts, are counted at once; some 100 octets each."""


class OutgoingConfig(Settings):
    """Requests to identity providers and webhooks: the networks they may go to, and their bounds."""

    allow_networks: tuple[str, ...] = ()
    """When given, they go to nothing else."""
    deny_networks: tuple[str, ...] = ()
    """Never connected to, in addition to cloud metadata and link-local addresses."""
    ca_file: Path | None = None
    """PEM of the authorities whose servers are trusted; the system's when not given."""
    timeout: Duration = Field(
        default=dt.timedelta(seconds=10), gt=dt.timedelta(), le=dt.timedelta(seconds=60)
    )
    """For one request as a whole."""

    @field_validator("allow_networks", "deny_networks")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(texts)
        return texts

    def policy(self) -> EgressPolicy:
        """Return the networks that requests may go to."""
        return EgressPolicy(parse_networks(self.allow_networks), parse_networks(self.deny_networks))

    def client(self, *, body_bytes: int = 1 << 20, plain: bool = False) -> OutgoingClient:
        """Build the client, which reads no longer answer. Raises ConfigError when the file cannot be read.

        ``plain`` allows http, for what is verified by its own signature.
        """
        try:
            tls = trust_file(self.ca_file)
        except OSError as error:
            raise ConfigError(f"{self.ca_file}: {error.strerror or error}") from None
        limits = OutgoingLimits(seconds=self.timeout.total_seconds(), body_bytes=body_bytes)
        return OutgoingClient(self.policy(), tls, limits, plain)


class Config(Settings):
    """The whole service. Provisioners, claims and tls are written as in ca.json."""

    dns_names: tuple[str, ...] = Field(default=("localhost", "127.0.0.1", "::1"), min_length=1)
    """Names and addresses clients use: in the server's certificate, in audiences, in ACME URLs."""
    provisioners: tuple[dict[str, Any], ...] = ()
    """The provisioners, as ca.json has them."""
    refusal_spike: int = Field(default=100, ge=1)
    """How many refusals within an hour are an alert, by provisioner, when that is three times the highest
    hour of the four weeks before."""
    provisioners_file: Path | None = None
    """JSON: a list of provisioners before those, whose keys are generated at first start."""
    claims: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Limits of lifetimes for provisioners that set none, as ca.json has them."""
    policy: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Which names are issued, as ca.json's authority.policy has it."""
    subject: dict[str, str] = Field(default_factory=dict[str, str])
    """Attributes of subjects that have none of the kind, as ca.json's authority.template has them."""
    policy_on_renewal: bool = True
    """Whether renewals are held to the policies of today; step-ca does not look at them again."""
    tls: dict[str, Any] = Field(default_factory=dict[str, Any])
    """TLS options for clients, not for the server itself."""
    backdate: Duration = dt.timedelta(minutes=1)
    """How much earlier than the request a certificate begins, for clients with slow clocks."""
    latest_start: Duration = dt.timedelta(hours=1)
    """How far in the future a certificate may begin: a stockpile outlives the discovery of a theft."""
    active_revocation: bool = True
    """Whether revocations are published, unless a provisioner sets it."""
    longest_token: Duration = dt.timedelta(hours=24)
    """How far a token's expiry may lie ahead."""
    encrypted_keys: bool = True
    """Whether every client may read the encrypted keys of JWK provisioners, which need their passwords."""
    crl: str = ""
    """The target of ``/crl``: the validation authority's URL, with ``{issuer}`` for the issuer's id."""
    roots: tuple[Path, ...] = ()
    """PEM files of this authority's roots, in addition to those of its issuers' chains."""
    federated_roots: tuple[Path, ...] = ()
    """PEM files of other authorities' roots."""
    acme: ACMEConfig = ACMEConfig()
    """How ACME validates names, and how long its objects live."""
    scep: SCEPConfig = SCEPConfig()
    """Where SCEP keeps the keys that messages are encrypted to."""
    outgoing: OutgoingConfig = OutgoingConfig()
    """How identity providers and webhooks are reached."""
    rate_limits: RateLimitsConfig = RateLimitsConfig()
    """How often clients may ask."""
    server_certificate: ServerCertificateConfig = ServerCertificateConfig()
    """The certificate of the HTTPS listener."""
    remote_management: bool = False
    """Whether administrators manage provisioners and policies over HTTP; see docs/administration.md."""
    authority_id: str = Field(default=ZERO_ID, max_length=64)
    """The authority's id in answers to administrators."""
    first_administrator: str = Field(default="step", min_length=1, max_length=256)
    """The subject of the first super administrator, whom the first JWK provisioner vouches for."""
    longest_duration: Duration = dt.timedelta(days=398)
    """The most that administrators may set as a provisioner's longest duration; the issuing profile has to
    allow it."""
    ssh: SSHConfig = SSHConfig()
    """What clients and hosts are told about SSH."""
    refresh_provisioners: Duration = dt.timedelta(seconds=0.5)
    """How often the revision of the configuration is read; what has changed is then read again."""
    refresh_issuers: Duration = dt.timedelta(seconds=30)
    """How often the issuing authority is asked for its issuers."""

    @field_validator("dns_names", mode="after")
    @classmethod
    def _names(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """Remove the brackets of IPv6 addresses; the operator may use underscores."""
        bare = [name[1:-1] if name[:1] == "[" and name[-1:] == "]" else name for name in given]
        for index, name in enumerate(bare):
            try:
                names.parse_san(name, UNDERSCORES)
            except InvalidNameError as error:
                raise ValueError(f"[{index}]: {error}") from None
        return tuple(bare)

    @model_validator(mode="after")
    def _usable(self) -> "Config":
        limits, known = self.limits(), set[str]()
        for index, record in enumerate(self.records()):
            if record.name in known:
                raise ValueError(f"provisioners[{index}].name: {record.name!r} is given twice")
            known.add(record.name)
            try:
                for each in effective_records(record):
                    limits.inherit(each.claims)
            except ValueError as error:
                raise ValueError(f"provisioners[{index}].{error}") from None
        self.tls_options()
        self.policies()
        self.subject_defaults()
        return self

    def records(self) -> list[ProvisionerConfig]:
        """Read the configured provisioners. Raises ValueError."""
        given = (*self._from_file(), *self.provisioners)
        return [from_mapping(item, f"provisioners[{index}]") for index, item in enumerate(given)]

    def warnings(self) -> list[str]:
        """Return a line for each setting of a provisioner that has no effect here."""
        findings = Findings()
        for index, record in enumerate((*self._from_file(), *self.provisioners)):
            check_provisioner(record, f"provisioners[{index}]", findings)
        return lines(findings.warned)

    def _from_file(self) -> list[dict[str, Any]]:
        if self.provisioners_file is None:
            return []
        try:
            return msgspec.json.decode(
                self.provisioners_file.read_bytes(), type=list[dict[str, Any]]
            )
        except OSError as error:
            raise ValueError(
                f"provisioners_file: {self.provisioners_file}: {error.strerror}"
            ) from None
        except ValueError as error:
            raise ValueError(f"provisioners_file: {self.provisioners_file}: {error}") from None

    def limits(self) -> Limits:
        """Return the limits of the authority itself."""
        return Limits().inherit(msgspec.convert(check_claims(self.claims, "claims"), Claims))

    def policies(self) -> Policies:
        """Return the authority's policies, compiled. Raises ValueError with the path at fault."""
        checked = check_members(self.policy, POLICY, "policy")
        try:
            return compile_policies(msgspec.convert(checked, PolicyConfig))
        except msgspec.ValidationError as error:
            raise add_path(error, "policy") from None

    def policy_text(self) -> str:
        """Return the authority's policy as JSON, members spelled as step-ca does; "" without one."""
        checked = check_members(self.policy, POLICY, "policy")
        return msgspec.json.encode(checked).decode() if checked else ""

    def subject_defaults(self) -> tuple[Attribute, ...]:
        """Return the attributes of subjects that have none of the kind. Raises ValueError."""
        return parse_defaults(check_members(self.subject, SUBJECT, "subject"), "subject")

    def max_duration(self) -> dt.timedelta:
        """Return the longest duration of all provisioners, now or later, plus the backdate.

        The X.509 certificate beside an SSH certificate lasts as long as that.
        """
        limits = self.limits()
        later = self.longest_duration if self.remote_management else dt.timedelta()
        every = (each for record in self.records() for each in effective_records(record))
        all_limits = [limits, *(limits.inherit(each.claims) for each in every)]
        beside = [
            max(each.ssh_user.max_duration, each.ssh_host.max_duration)
            for each in all_limits
            if each.enable_ssh
        ]
        return max(later, *beside, *(each.max_duration for each in all_limits)) + self.backdate

    def max_ssh_durations(self) -> dict[str, dt.timedelta]:
        """Return the longest validity of SSH certificates of all provisioners, by ``user`` and ``host``."""
        limits = self.limits()
        every = [limits, *(limits.inherit(record.claims) for record in self.records())]
        return {
            "user": max(each.ssh_user.max_duration for each in every),
            "host": max(each.ssh_host.max_duration for each in every),
        }

    def tls_options(self) -> TLSOptions:
        """Return the TLS options for clients."""
        return msgspec.convert(self.tls, TLSOptions)


def read_certificates(files: Iterable[Path]) -> list[bytes]:
    """Read the DER of every certificate in the files. Raises ConfigError."""
    found: list[bytes] = []
    for file in files:
        try:
            found += certificate_files.read_certificates(file)
        except OSError as error:
            raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from None
        except pem.PEMError as error:
            raise ConfigError(f"{file}: {error}") from None
    return found
