"""The configuration of the responder."""

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from newel.runtime.config import Config as Settings
from newel.runtime.config import Duration
from newel.validation.config import OCSPConfig


class ListedIssuerConfig(Settings):
    """An authority whose certificates' status is told from its CRL."""

    certificate_file: Path
    """PEM: the authority's certificate."""
    crl_file: Path
    """Its complete CRL, DER, or PEM of at most a megabyte. It is read again when it changes."""
    responder_certificate_file: Path
    """PEM: the responder's certificate, issued by this authority for OCSP signing."""
    responder_key_file: Path
    """PEM: the private key of that certificate. It is read again when it changes."""
    password_file: Path | None = None
    """The password of the key."""
    unlisted: Literal["unknown", "good"] = "unknown"
    """What is said of a serial number that is not on the CRL. A CRL does not tell what was issued, so
    `good` is said of certificates that the authority has never issued, too."""
    distribution_point: str = ""
    """The URL that a complete CRL names as its distribution point, if it names one. A CRL that names
    another is one shard of several, and refused while `unlisted` is `good`."""


class Config(Settings):
    """The configuration of the service."""

    issuers: tuple[ListedIssuerConfig, ...] = Field(min_length=1)
    """The authorities whose certificates' status is told."""
    ocsp: OCSPConfig = OCSPConfig()
    """How OCSP is answered. No answer is valid for longer than the CRL that it is taken from."""
    poll_every: Duration = Field(default=dt.timedelta(seconds=1), ge=dt.timedelta(milliseconds=100))
    """How often is looked for changed files."""

    @model_validator(mode="after")
    def _check_never_issued(self) -> "Config":
        if self.ocsp.never_issued != "unknown":
            raise ValueError("ocsp.never_issued: a CRL does not tell what was never issued")
        return self
