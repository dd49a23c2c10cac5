"""The dashboard as a process of its own, in front of the interfaces of other processes."""

from newel.dashboard.app import REVISION, TABLES, Ports, build
from newel.dashboard.config import Interface, ProcessConfig
from newel.dashboard.readiness import Readiness
from newel.dashboard.remote import RemoteApp
from newel.runtime.config import ConfigError
from newel.runtime.http.router import Router
from newel.runtime.process.context import Context
from newel.runtime.service import Service
from newel.runtime.system_errors import describe
from newel.runtime.tls.client import trust_file


async def assemble(config: ProcessConfig, context: Context) -> Service:
    """Assemble the dashboard, which calls the interfaces of the other services by HTTPS."""
    at = config.interfaces
    remote = {
        "registration authority": _reach("registration authority", at.registration),
        "inventory": _reach("inventory", at.inventory),
        "alerting": _reach("alerting", at.alerting),
        "validation authority": RemoteApp("validation authority", at.validation),
    }
    health = {name: RemoteApp(name, url) for name, url in config.health.items()}
    context.closing.extend(each.close for each in (*remote.values(), *health.values()))
    https = Router(
        {"/inventory": remote["inventory"], "/alerts": remote["alerting"]},
        remote["registration authority"],
    )
    http = Router(
        {"/readyz": Readiness(remote["registration authority"], health)},
        remote["validation authority"],
    )
    database = await context.database(REVISION, TABLES)
    ports = Ports(database, https, http, context.clock, context.audit(), config.ca_url)
    return build(config, ports)


def _reach(name: str, at: Interface) -> RemoteApp:
    try:
        trust_file(at.roots)  # so that the start says what each request would
        return RemoteApp(name, at.url, at.roots, at.server_name)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"interfaces: {at.roots}: {describe(error)}") from None
