"""What a command was told about the ACME account it uses and the challenges it answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt


class ACMEOptions(NamedTuple):
    """The account, the way to answer challenges, and the validity to ask for."""

    acme: str | None = None
    """The address of the directory."""
    account: str = "default"
    contact: Sequence[str] = ()
    standalone: bool = False
    webroot: str | None = None
    http_listen: str | None = None
    tls_listen: str | None = None
    dns_hook: str | None = None
    dns_manual: bool = False
    dns_tsig_key: str | None = None
    dns_server: Sequence[str] = ()
    propagation: "dt.timedelta | None" = None
    """How long to wait after the name servers have a record."""
    eab_key_id: str | None = None
    eab_key: str | None = None
    eab_key_file: str | None = None
    not_before: str | None = None
    not_after: str | None = None
