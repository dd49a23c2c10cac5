"""The inventory's configuration."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from newel.runtime.config import Config as Frozen
from newel.runtime.http.roles import Role

Duration = Annotated[dt.timedelta, Field(gt=dt.timedelta(0))]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Expiry(Frozen):
    """When an endpoint is reported as expiring.

    Renewers start at two thirds of the lifetime, spread by a twentieth of it, and retry each minute;
    three quarters therefore leaves a healthy one time to succeed, and a quarter of the life to repair a
    broken one.
    """

    fraction: Fraction = 0.75
    """The part of the lifetime after which it is reported; 0: never."""
    provisioners: dict[str, Fraction] = Field(default_factory=dict)
    """Another fraction for a provisioner, by its name."""
    unrenewed: Fraction = 0.05
    """How much of the lifetime may pass after the point by which an endpoint was usually renewed
    before, until it is reported as not renewed, if that is earlier; 0: never."""
    quiet_types: tuple[str, ...] = ()
    """Provisioner types whose certificates are not renewed by design, such as ``OIDC``."""
    tick: Duration = dt.timedelta(seconds=1)
    """How often the lifetimes are looked at."""
    pause: Duration = dt.timedelta(minutes=2)
    """When nothing looked at the lifetimes for longer than this, as in an outage, what became late
    meanwhile is told at a second look so much later, or after a twentieth of the lifetime."""
    unseen: Duration = dt.timedelta(minutes=10)
    """How long the issuing authority's list may be out of reach, or a twentieth of the lifetime, until
    what is late is told without it; the message says so."""
    forget: Duration = dt.timedelta(days=1)
    """A certificate that is found this long after it expired raises no alert."""


class Reconcile(Frozen):
    """How the catalogue is compared with the issuing authority's repository."""

    every: Duration = dt.timedelta(minutes=10)
    """How often."""
    settle: Duration = dt.timedelta(minutes=1)
    """Younger records are read again next time: their neighbours may not have been committed."""
    page: int = Field(default=500, ge=1, le=5000)
    """How many certificates one request reads."""


class Administrator(Frozen):
    """Who may use the administrative interfaces: the holder of a certificate that ``provisioner`` issued."""

    subject: str = Field(min_length=1)
    """The common name of the administrator's certificate."""
    provisioner: str = Field(min_length=1)
    """The provisioner that issued it."""
    role: Role = Role.ADMINISTRATOR
    """`viewer` reads; `operator` also revokes, and handles alerts; `administrator` also writes metadata."""


class Config(Frozen):
    """The inventory's configuration."""

    administrators: tuple[Administrator, ...] = ()
    """Who may use the inventory, the alerts and revocation."""
    expiry: Expiry = Expiry()
    """When endpoints are reported as expiring."""
    reconcile: Reconcile = Reconcile()
    """How often the issuing authority's list is compared with the inventory."""
    count_every: Duration = dt.timedelta(minutes=1)
    """How often certificates and endpoints are counted for the metrics."""
    lookup_callers: tuple[str, ...] = ("registration",)
    """Services that may look up what is known of a subject."""
    administrators_callers: tuple[str, ...] = ("alerting", "registration")
    """Who may ask whether a certificate is an administrator's."""
