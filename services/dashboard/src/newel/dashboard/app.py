"""The dashboard's parts, put together."""

from dataclasses import dataclass

from newel.dashboard.config import Config
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.http.router import LazyApp
from newel.runtime.service import Service

REVISION = "0002"
"""What ``newel.runtime.database.migrations`` brings the database to before ``build``."""

TABLES = ("leases", "links", "sessions")
"""What the database then holds."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the dashboard needs from the process that runs it."""

    database: Database
    https: ASGIApp
    """The authority's interfaces for clients and administrators."""
    http: ASGIApp
    """What relying parties and load balancers are answered: OCSP, CRLs, readiness."""
    clock: Clock
    audit: Audit
    ca_url: str | None = None
    """The authority's address, where the dashboard is a process of its own; None: that of the pages."""


def build(config: Config, ports: Ports) -> Service:
    """Build the service."""

    def web() -> ASGIApp:
        from newel.dashboard.interfaces import Interfaces
        from newel.dashboard.place import Place
        from newel.dashboard.sessions import Sessions
        from newel.dashboard.storage import SecretTable
        from newel.dashboard.web import build_app

        links = SecretTable(ports.database, "links")
        sessions = Sessions(links, SecretTable(ports.database, "sessions"), ports.clock, config)
        return build_app(
            sessions,
            Interfaces(ports.https),
            Interfaces(ports.http),
            ports.clock,
            ports.audit,
            Place(ports.ca_url),
        )

    return Service("dashboard", web={"https": LazyApp(web)})


async def end_sessions(database: Database) -> None:
    """End every session and link, after a backup brought the database back. Raises NewelError."""
    from newel.dashboard.storage import end_all

    await end_all(database)
