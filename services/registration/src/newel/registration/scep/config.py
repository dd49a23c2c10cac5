"""The part of the registration authority's configuration that is about SCEP."""

import datetime as dt
from pathlib import Path

from pydantic import Field

from newel.runtime.config import Config, Duration


class SCEPConfig(Config):
    """SCEP is served where a provisioner of that type is configured, and nowhere else."""

    key_password_file: Path | None = None
    """The file with the password of the transport keys in the database; without it every SCEP
    provisioner needs a decrypter of its own."""
    profile: str = "server"
    """The issuing authority's profile for the certificate of the transport key."""
    key_lifetime: Duration = Field(
        default=dt.timedelta(days=60), ge=dt.timedelta(hours=1), le=dt.timedelta(days=365)
    )
    """How long a transport key is valid; a new one is offered after two thirds of that."""
