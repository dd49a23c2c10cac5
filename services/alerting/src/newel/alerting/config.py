"""Alerting's configuration. Nothing is sent until a channel is configured."""

import datetime as dt
import difflib
import fnmatch
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from newel.alerting.kinds import KINDS
from newel.alerting.notices import Severity
from newel.runtime.config import Config as Frozen
from newel.runtime.egress import parse_networks

Duration = Annotated[dt.timedelta, Field(gt=dt.timedelta(0))]
Timeout = Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(seconds=60))]

_CHANNEL_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\]{1,64}@[^\s<>,;:\"()\[\]\\]{1,255}")


class Receiver(Frozen):
    """What every kind of channel has."""

    ca_file: Path | None = None
    """PEM: the roots to trust, instead of the system's."""
    timeout: Timeout = dt.timedelta(seconds=10)
    """How long one attempt may take."""
    group: bool = True
    """Whether many alerts of one kind and owner are told in one message."""


class Webhook(Receiver):
    """An HTTP receiver of signed CloudEvents."""

    kind: Literal["webhook"]
    """An HTTPS request with a signed JSON body."""
    url: str = Field(pattern=r"^https?://")
    """Where it is sent."""
    secret_file: Path  # what the receiver checks signatures with
    """The file with the secret that signs the body."""
    group: bool = False
    """Whether many alerts are told in one message: by default not, since a program reads them."""


class Slack(Receiver):
    """A Slack incoming webhook, or what understands the same. Its address is the secret."""

    kind: Literal["slack"]
    """A Slack incoming webhook."""
    url_file: Path
    """The file with the webhook's URL, which is a secret."""


class Email(Receiver):
    """A mail server that takes our messages."""

    kind: Literal["email"]
    """E-mail by SMTP."""
    host: str = Field(min_length=1)
    """The mail server."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls` and `tls` verify the server's certificate; `none` is for tests."""
    username: str = ""
    """The user, if the server wants one."""
    password_file: Path | None = None
    """The file with the user's password."""
    sender: str
    """The address in From."""
    recipients: tuple[str, ...] = Field(min_length=1, max_length=50)
    """The addresses it is sent to."""
    timeout: Timeout = dt.timedelta(seconds=15)
    """How long one attempt may take."""

    @field_validator("sender", "recipients")
    @classmethod
    def _plain_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is not a plain mail address")
        return value

    @model_validator(mode="after")
    def _password_is_protected(self) -> Self:
        if (self.password_file is None) != (not self.username):
            raise ValueError("username and password_file go together")
        if self.username and self.security == "none":
            raise ValueError("a password is not sent over a connection without TLS")
        return self


class Teams(Receiver):
    """The webhook of a Microsoft Teams workflow. Its address is the secret."""

    kind: Literal["teams"]
    """A Microsoft Teams workflow."""
    url_file: Path
    """The file with the workflow's URL, which is a secret."""


class PagerDuty(Receiver):
    """A PagerDuty service with an integration of Events API v2."""

    kind: Literal["pagerduty"]
    """PagerDuty's Events API v2."""
    routing_key_file: Path
    """The file with the integration key."""
    url: str = Field(default="https://events.pagerduty.com", pattern=r"^https?://")
    """Where events are sent; in Europe `https://events.eu.pagerduty.com`."""


class Opsgenie(Receiver):
    """Opsgenie's Alert API."""

    kind: Literal["opsgenie"]
    """Opsgenie's Alert API."""
    api_key_file: Path
    """The file with the key of an API integration."""
    url: str = Field(default="https://api.opsgenie.com", pattern=r"^https?://")
    """Where alerts are sent; in Europe `https://api.eu.opsgenie.com`."""


class Alertmanager(Receiver):
    """Prometheus' Alertmanager."""

    kind: Literal["alertmanager"]
    """Prometheus' Alertmanager, API v2."""
    url: str = Field(pattern=r"^https?://")
    """Its address, without `/api/v2`."""
    token_file: Path | None = None
    """The file with the bearer token that a proxy in front of it wants."""
    group: bool = False
    """Whether many alerts are told in one message: by default not, since a program reads them."""


class Syslog(Receiver):
    """A syslog collector (RFC 5424)."""

    kind: Literal["syslog"]
    """Syslog by RFC 5424."""
    host: str = Field(min_length=1)
    """The collector."""
    port: int = Field(default=6514, ge=1, le=65535)
    """Its port."""
    transport: Literal["tls", "tcp", "udp"] = "tls"
    """`tls` verifies the collector's certificate; what is lost over `udp` is not noticed."""
    facility: Literal[
        "user", "daemon", "auth", "audit", "alert",
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ] = "audit"  # fmt: skip # a list of words
    """The facility of the messages."""
    format: Literal["text", "cef", "ecs", "ocsf"] = "text"
    """A line of text, CEF, or the JSON of the Elastic Common Schema or of OCSF."""
    group: bool = False
    """Whether many alerts are told in one message: by default not, since a program reads them."""


Channel = Annotated[
    Webhook | Slack | Teams | PagerDuty | Opsgenie | Alertmanager | Email | Syslog,
    Field(discriminator="kind"),
]


class Escalation(Frozen):
    """Who is told next of what is still open and not acknowledged."""

    after: Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(days=30))]
    """How long after the alert was opened, or after the silence that held it ended."""
    channels: tuple[str, ...] = Field(min_length=1)
    """The channels that are told then."""


class Rule(Frozen):
    """Which alerts go where. Patterns are shell-like (``*.prod.example``), without regard to case."""

    channels: tuple[str, ...] = Field(min_length=1)
    """The channels that get what the rule matches."""
    fallback: str = ""
    """The channel told instead when one of these has failed for the last time."""
    escalations: tuple[Escalation, ...] = Field(default=(), max_length=10)
    """Who is told later while no one acknowledges the alert."""
    kinds: tuple[str, ...] = ("*",)
    """Patterns for the kind of the alert."""
    owners: tuple[str, ...] = ("*",)
    """Patterns for the owner."""
    provisioners: tuple[str, ...] = ("*",)
    """Patterns for the provisioner of the certificate."""
    subjects: tuple[str, ...] = ("*",)
    """Patterns for the subject or one of the names."""
    severities: tuple[Severity, ...] = (Severity.WARNING, Severity.CRITICAL)
    """The severities that it matches."""

    @field_validator("kinds")
    @classmethod
    def _kinds_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not fnmatch.filter(KINDS, pattern.casefold()):
                near = difflib.get_close_matches(pattern, KINDS, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{pattern!r} is no kind of alert{meant}")
        return value


class Retry(Frozen):
    """How long a delivery is tried: by default nine times within about twenty minutes."""

    attempts: int = Field(default=9, ge=1, le=50)
    """How many attempts one delivery gets."""
    first: Duration = dt.timedelta(seconds=5)
    """The pause after the first failure; it doubles with each one."""
    largest: Duration = dt.timedelta(minutes=10)
    """The longest pause."""


class GroupLimits(Frozen):
    """How many alerts are told in one message, by the channels whose ``group`` is true."""

    single: int = Field(default=5, ge=1, le=1000)
    """How many of one kind and owner are told one by one within `wait`; more are told in one message."""
    wait: Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(hours=1))] = (
        dt.timedelta(minutes=1)
    )
    """How long further ones gather after such a message."""
    named: int = Field(default=10, ge=1, le=50)
    """How many of them the message names."""


class Egress(Frozen):
    """Where channels may lead. Addresses of cloud metadata are refused whatever stands here."""

    allow: tuple[str, ...] = ()
    """Networks; none means all that are not denied."""
    deny: tuple[str, ...] = ()
    """Networks that are never connected to."""

    @field_validator("allow", "deny")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(value)
        return value


class Config(Frozen):
    """Alerting's configuration."""

    source: str = "newel"
    """Says in each message which authority it is about."""
    dashboard: Annotated[str, Field(pattern=r"^(https://\S+)?$")] = ""
    """The address of the dashboard, as in `https://ca.example/dashboard`: messages then have a link to
    the page of their alert."""
    channels: dict[str, Channel] = Field(default_factory=dict)
    """Where alerts are sent, by name."""
    rules: tuple[Rule, ...] = ()
    """Without any, every alert goes to every channel."""
    retry: Retry = Retry()
    """How failed deliveries are tried again."""
    grouping: GroupLimits = GroupLimits()
    """When many alerts are told in one message."""
    egress: Egress = Egress()
    """Where channels may connect to."""
    poll: Duration = dt.timedelta(seconds=1)
    """How often alerts that are due are looked for."""
    keep: Duration = dt.timedelta(days=90)
    """How long resolved notices with their deliveries, and silences that are over, are kept."""
    keep_open: Duration = dt.timedelta(days=366)
    """How long an alert stays open at most, when neither a certificate nor a person ends it."""
    longest_silence: Annotated[
        dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(days=366))
    ] = dt.timedelta(days=30)
    """The longest time that one silence may last."""

    @model_validator(mode="after")
    def _rules_name_channels(self) -> Self:
        for name in self.channels:
            if not _CHANNEL_NAME.fullmatch(name):
                raise ValueError(f"channel name {name!r} is not of lower-case letters, digits, -")
        for rule in self.rules:
            later = [name for each in rule.escalations for name in each.channels]
            if len(later) != len(set(later)):
                raise ValueError("a rule escalates to the same channel twice")
            for name in (*rule.channels, *([rule.fallback] if rule.fallback else []), *later):
                if name not in self.channels:
                    raise ValueError(f"a rule names the channel {name!r}, which is not configured")
        return self
