"""The dashboard's configuration."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from newel.runtime.config import Config as Frozen

Duration = Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(days=7))]
HTTPS = Annotated[str, Field(pattern=r"^https://[^/?#\s@]+$")]
HTTP = Annotated[str, Field(pattern=r"^http://[^/?#\s@]+$")]


class Config(Frozen):
    """The dashboard's configuration."""

    link_lifetime: Duration = dt.timedelta(minutes=5)
    """How long the one-time link of `newel dashboard` is valid."""
    session_lifetime: Duration = dt.timedelta(hours=12)
    """How long a session lasts; it also ends with the administrator's certificate."""


class Interface(Frozen):
    """An interface of another process."""

    url: HTTPS
    """Its address, as in `https://inventory:9443`."""
    roots: Path
    """PEM: the roots of its certificate."""
    server_name: str | None = None
    """The name in its certificate where that is not the host of the address."""


class Interfaces(Frozen):
    """The interfaces that the pages call."""

    registration: Interface
    """The registration authority: provisioners, roots, revocation."""
    inventory: Interface
    """The inventory: certificates, endpoints, administrators."""
    alerting: Interface
    """Alerting: alerts and silences."""
    validation: HTTP
    """The validation authority: OCSP and CRLs, as in `http://validation:9080`."""


class ProcessConfig(Config):
    """The configuration of a dashboard that is a process of its own."""

    ca_url: HTTPS
    """The address at which clients reach the authority, for the commands that pages show."""
    interfaces: Interfaces
    """Where the pages get what they show."""
    health: dict[str, HTTP] = Field(default_factory=dict[str, HTTP], max_length=20)
    """By the name of a part: where it answers `/readyz`, which the first page asks."""

    @model_validator(mode="after")
    def _check_lifetimes(self) -> Self:
        from newel.step.delegations import LONGEST

        if self.link_lifetime + self.session_lifetime > LONGEST:
            hours = LONGEST // dt.timedelta(hours=1)
            raise ValueError(
                f"link_lifetime and session_lifetime are {hours} hours together at most, as long as a"
                " delegation may last"
            )
        return self
