"""The part of the registration authority's configuration that is about ACME."""

import datetime as dt

from pydantic import Field

from newel.runtime.config import Config, Duration


class AcmeConfig(Config):
    """Where challenges are validated, and how long things live."""

    http01_port: int = 80
    """The port of http-01's first hop and of its http redirects."""
    tls_alpn01_port: int = 443
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
    concurrent_validations: int = 32
    lost_after: Duration = dt.timedelta(seconds=60)
    """Age from which an unfinished validation or finalization counts as lost in a crash."""
