"""The controller's configuration. What it issues is told by the issuers in the cluster, not here."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from newel.runtime.config import Config as Frozen
from newel.runtime.config import Duration
from newel.runtime.egress import parse_networks

_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
Name = Annotated[str, Field(pattern=_NAME)]
Resource = Literal["newel-issuers", "step-issuers", "signing-requests", "trust-bundles"]


class Egress(Frozen):
    """Where issuers may lead. Addresses of cloud metadata are refused whatever stands here."""

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
    """The Kubernetes controller's configuration."""

    namespace: Name = "newel"
    """The controller's own namespace: its lease, and what cluster issuers name, is there."""
    service_account: Name = "newel-kubernetes"
    """The account whose tokens cluster issuers present where they name no other."""
    lease: Name = "newel-kubernetes"
    """The lease by which one of several controllers works."""
    kubeconfig: Path | None = None
    """How to reach the API server, outside of a cluster."""
    resources: tuple[Resource, ...] = ("newel-issuers",)
    """What it serves: issuers of its own kinds, those of step-issuer, CertificateSigningRequests, and
    ClusterTrustBundles with the roots of cluster issuers."""
    workers: int = Field(default=8, ge=1, le=64)
    """How many requests are worked on at a time."""
    check_interval: Duration = dt.timedelta(minutes=5)
    """How often an issuer that works is checked again."""
    trust_interval: Duration = dt.timedelta(seconds=5)
    """How often an authority is asked for the roots that a trust bundle holds."""
    give_up_after: Duration = dt.timedelta(hours=24)
    """The age at which a request that meets one outage after another has failed."""
    egress: Egress = Egress()
    """Where issuers may lead."""

    @field_validator("check_interval", "give_up_after", "trust_interval")
    @classmethod
    def _positive(cls, value: dt.timedelta) -> dt.timedelta:
        if not dt.timedelta(seconds=1) <= value <= dt.timedelta(days=365):
            raise ValueError("not between one second and a year")
        return value
