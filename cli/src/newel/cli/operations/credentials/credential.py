"""What every credential can do, whichever kind it is.

A kind is a frozen msgspec record with a ``kind`` tag; `newel.cli.operations.credentials.store` names them all.
"""

import datetime as dt
import ssl
from collections.abc import MutableMapping, Sequence
from typing import NamedTuple, Protocol, Self


class Access(NamedTuple):
    """What another program is given, and the credential that is left: a provider may have changed it."""

    handed_out: bytes
    kept: "Credential"


class Credential(Protocol):
    """A proof of who asks. Every method that speaks to the issuer raises CliError."""

    @property
    def kind(self) -> str:
        """``token`` or ``certificate``."""
        ...

    @property
    def holder(self) -> str:
        """Whom it names; "" where it does not say."""
        ...

    @property
    def ends(self) -> dt.datetime | None:
        """When it stops being good; None where it does not say."""
        ...

    def due(self, now: dt.datetime) -> bool:
        """Say whether it is time to renew it."""
        ...

    def present(self, headers: MutableMapping[str, str], tls: ssl.SSLContext) -> None:
        """Add the credential to a request that is not sent yet."""
        ...

    def renew(self) -> Self:
        """Get a new one from its issuer."""
        ...

    def access(self, scopes: Sequence[str]) -> Access:
        """One for another program, with no more rights than these; without scopes with its own."""
        ...

    def revoke(self) -> bool:
        """Tell its issuer that it is no longer used; False when the issuer cannot be told."""
        ...
