"""The dashboard's configuration."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from newel.runtime.config import Config as Frozen

Duration = Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(days=7))]


class Config(Frozen):
    """The dashboard's configuration."""

    link_lifetime: Duration = dt.timedelta(minutes=5)
    """How long the one-time link of `newel dashboard` is valid."""
    session_lifetime: Duration = dt.timedelta(hours=12)
    """How long a session lasts; it also ends with the administrator's certificate."""
