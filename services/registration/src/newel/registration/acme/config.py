"""The part of the registration authority's configuration that is about ACME."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from newel.durations.go import format_duration
from newel.runtime.config import Config, Duration
from newel.runtime.egress import DNS_PORT, parse_endpoint, parse_networks


@dataclass(frozen=True)
class Limits:
    """Sizes and times of the ACME server."""

    identifiers: int = 256
    """Of one order."""
    contacts: int = 10
    """Of one account."""
    preauthorizations: int = 1000
    """Of one account at a time."""
    order_lifetime: dt.timedelta = dt.timedelta(hours=24)
    retention: dt.timedelta = dt.timedelta(days=30)
    """How long orders and the URLs of their certificates are kept."""
    max_past_start: dt.timedelta = dt.timedelta(minutes=5)
    """How far notBefore may lie in the past."""
    latest_start: dt.timedelta = dt.timedelta(hours=1)
    """How far it may lie in the future."""
    concurrent_validations: int = 32
    queued_validations: int = 1024
    validation_deadline: dt.timedelta = dt.timedelta(seconds=20)
    """For all tries of one challenge together."""
    validation_pauses: tuple[float, ...] = (0.5, 2.0, 5.0)
    """Seconds between tries when the client's server or name server could not be reached."""
    lost_after: dt.timedelta = dt.timedelta(seconds=60)
    """Age from which an unfinished validation or finalization counts as lost in a crash."""
    validation_tries: int = 4
    """How often a validation that a crash interrupted is taken over before it is given up."""
    finalization_tries: int = 9
    """The same for a finalization, also while the issuing authority does not answer: some five minutes."""
    max_pause: dt.timedelta = dt.timedelta(seconds=60)
    """Between two tries of a finalization; the first is two seconds, each next one twice as long."""


class OrderRatesConfig(Config):
    """How many orders there may be, counted in the database by all replicas together."""

    account_orders: int = Field(default=0, ge=0)
    """Of one account in ``period``; 0: no limit."""
    names_orders: int = Field(default=0, ge=0)
    """Of which certificates are asked for exactly the same identifiers in ``period``, by all accounts
    together: those whose identifiers were proved; 0: no limit."""
    address_orders: int = Field(default=0, ge=0)
    """Of one client address in ``period``, for IPv6 of one /64, by all its accounts together; those of
    ``rate_limits.exempt`` are not counted; 0: no limit."""
    period: Duration = Field(
        default=dt.timedelta(hours=1), ge=dt.timedelta(seconds=1), le=dt.timedelta(days=30)
    )
    """The time that these are for: so many at once, and then one each time that such a part has passed."""
    failures: int = Field(default=50, ge=0, le=1000)
    """So many validations of an identifier that failed one after another pause it for the account until
    the first of them is older than ``failure_window``; 0: never."""
    failure_window: Duration = Field(
        default=dt.timedelta(hours=1), ge=dt.timedelta(seconds=1), le=dt.timedelta(days=1)
    )
    """The time in which failures count."""

    @model_validator(mode="after")
    def _check_period(self) -> "OrderRatesConfig":
        most = max(self.account_orders, self.names_orders, self.address_orders)
        if most > self.period / dt.timedelta(milliseconds=1):
            raise ValueError(f"{most} orders in {format_duration(self.period)} are no limit: use 0")
        return self


class ACMEConfig(Config):
    """The networks and ports of validation, and the limits an operator may change."""

    http01_port: int = Field(default=80, ge=1, le=65535)
    """The port of http-01's first hop and of its http redirects."""
    https01_port: int = Field(default=443, ge=1, le=65535)
    """The port of http-01's https redirects."""
    tls_alpn01_port: int = Field(default=443, ge=1, le=65535)
    """The port of tls-alpn-01."""
    resolvers: tuple[str, ...] = ()
    """``address`` or ``address:port`` of name servers; none: the system's, to find the zone's own."""
    allow_networks: tuple[str, ...] = ()
    """When given, validation connects to nothing else."""
    deny_networks: tuple[str, ...] = ()
    """Never connected to, in addition to cloud metadata and link-local addresses."""
    most_identifiers: int = Field(default=Limits.identifiers, ge=1, le=256)
    """How many identifiers one order may have."""
    most_preauthorizations: int = Field(default=Limits.preauthorizations, ge=1, le=10_000)
    """How many authorizations one account may have at a time that it asked for in advance."""
    alternate_chains: tuple[Path, ...] = Field(default=(), max_length=8)
    """PEM, a file for each further chain that clients may choose: another certificate of an issuer's name
    and key, or its own, then those above it and their root."""
    order_lifetime: Duration = Limits.order_lifetime
    """How long orders and authorizations are valid."""
    retention: Duration = Limits.retention
    """How long orders and the URLs of their certificates are kept."""
    concurrent_validations: int = Field(default=Limits.concurrent_validations, ge=1)
    """How many challenges one process validates at once."""
    validation_deadline: Duration = Field(
        default=Limits.validation_deadline, gt=dt.timedelta(), le=dt.timedelta(minutes=5)
    )
    """For all tries of one challenge together."""
    lost_after: Duration = Limits.lost_after
    """Age from which an unfinished validation or finalization counts as lost in a crash."""
    order_rates: OrderRatesConfig = OrderRatesConfig()
    """Rates of orders, which hold over all replicas."""

    def limits(self, latest_start: dt.timedelta) -> Limits:
        """Return the limits of the ACME server."""
        return Limits(
            identifiers=self.most_identifiers,
            preauthorizations=self.most_preauthorizations,
            latest_start=latest_start,
            order_lifetime=self.order_lifetime,
            retention=self.retention,
            concurrent_validations=self.concurrent_validations,
            validation_deadline=self.validation_deadline,
            lost_after=self.lost_after,
        )

    @field_validator("resolvers")
    @classmethod
    def _addresses(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            parse_endpoint(text, DNS_PORT)
        return texts

    @field_validator("allow_networks", "deny_networks")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(texts)
        return texts

    @model_validator(mode="after")
    def _check_order(self) -> "ACMEConfig":
        if self.lost_after <= self.validation_deadline:
            raise ValueError(
                f"lost_after ({format_duration(self.lost_after)}) must be longer than the"
                f" {format_duration(self.validation_deadline)} a validation may take"
                " (validation_deadline), or slow validations are taken over before they end"
            )
        if not self.lost_after < self.order_lifetime <= self.retention:
            raise ValueError("lost_after, order_lifetime and retention are out of order")
        return self
