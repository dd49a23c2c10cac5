"""The part of the registration authority's configuration that is about ACME."""

import datetime as dt
import ipaddress

from pydantic import Field, field_validator, model_validator

from newel.durations.go import format_duration
from newel.registration.acme.settings import VALIDATION_DEADLINE
from newel.runtime.config import Config, Duration
from newel.runtime.egress import parse_networks


class ACMEConfig(Config):
    """Where challenges are validated, and how long things live."""

    http01_port: int = Field(default=80, ge=1, le=65535)
    """The port of http-01's first hop and of its http redirects."""
    https01_port: int = Field(default=443, ge=1, le=65535)
    """The port of http-01's https redirects."""
    tls_alpn01_port: int = Field(default=443, ge=1, le=65535)
    resolvers: tuple[str, ...] = ()
    """``address`` or ``address:port`` of name servers; none: the system's, to find the zone's own."""
    allow_networks: tuple[str, ...] = ()
    """When given, validation connects to nothing else."""
    deny_networks: tuple[str, ...] = ()
    """Never connected to, beside cloud metadata and link-local addresses."""
    most_identifiers: int = Field(default=256, ge=1, le=256)
    order_lifetime: Duration = dt.timedelta(hours=24)
    retention: Duration = dt.timedelta(days=30)
    """How long orders and the URLs of their certificates are kept."""
    concurrent_validations: int = Field(default=32, ge=1)
    validation_deadline: Duration = Field(
        default=VALIDATION_DEADLINE, gt=dt.timedelta(), le=dt.timedelta(minutes=5)
    )
    """What all tries of one challenge may take together."""
    lost_after: Duration = dt.timedelta(seconds=60)
    """Age from which an unfinished validation or finalization counts as lost in a crash."""

    @field_validator("resolvers")
    @classmethod
    def _addresses(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            parse_server(text)
        return texts

    @field_validator("allow_networks", "deny_networks")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(texts)
        return texts

    @model_validator(mode="after")
    def _ordered(self) -> "ACMEConfig":
        if self.lost_after <= self.validation_deadline:
            raise ValueError(
                f"lost_after ({format_duration(self.lost_after)}) must be longer than the"
                f" {format_duration(self.validation_deadline)} a validation may take"
                " (validation_deadline), or slow validations are taken over before they end"
            )
        if not self.lost_after < self.order_lifetime <= self.retention:
            raise ValueError("lost_after, order_lifetime and retention are out of order")
        return self


def parse_server(text: str) -> tuple[str, int]:
    """Address and port of ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or ``[2001:db8::1]:5353``.

    Raises ValueError for anything else, names of servers included.
    """
    address, port = text, "53"
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    number = int(port)
    if not 0 < number < 1 << 16:
        raise ValueError(f"{text[:64]!r}: the port is out of range")
    return str(ipaddress.ip_address(address)), number
