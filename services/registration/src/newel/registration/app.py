"""The registration authority's parts, put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry

from newel.crypto import certificate_files, names, pem
from newel.crypto.dns_names import UNDERSCORES
from newel.registration.acme import responses
from newel.registration.acme.build import ACMEServer
from newel.registration.acme.build import build as build_acme
from newel.registration.authority import Authority
from newel.registration.config import Config, RateConfig
from newel.registration.maintenance import Maintenance
from newel.registration.metrics import Metrics
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.rate_limit_middleware import RateLimitMiddleware
from newel.registration.rate_limits import Limit
from newel.registration.rpc import RemoteIssuance
from newel.registration.server_certificate import CertificateSpec, ServerCertificate
from newel.registration.step import error_responses
from newel.registration.step.read_only_routes import ReadOnlyRoutes
from newel.registration.step.renewal import RenewService
from newel.registration.step.revocation import RevokeService
from newel.registration.step.routes import StepAPI
from newel.registration.step.signing import SignService
from newel.registration.storage import ProvisionerTable, UsedTokenTable
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease
from newel.runtime.http.client_addresses import ClientAddresses
from newel.runtime.http.router import Router
from newel.runtime.service import Service
from newel.runtime.shared_table import SharedTable
from newel.runtime.tls.server import ServerTLS
from newel.step.audiences import Audiences
from newel.step.provisioners import to_json

REVISION = "0003"
"""What ``newel.runtime.database.migrations`` brings the database to before ``build``."""

TABLES = (
    "acme_accounts", "acme_authorizations", "acme_external_keys", "acme_nonces", "acme_orders",
    "acme_secrets", "leases", "open_uses", "provisioners", "used_tokens",
)  # fmt: skip
"""What the database then holds."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the registration authority needs from the process that runs it."""

    database: Database
    issuing: grpc.aio.Channel
    tls: ServerTLS
    clock: Clock
    audit: Audit
    registry: CollectorRegistry
    table: SharedTable | None = None
    """What the workers of this program count together in."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Implements TokenRules from the configuration."""

    audiences: Audiences
    longest_token: float


async def build(config: Config, ports: Ports) -> Service:
    """The service. Its start hook waits for the issuing authority, then has the certificate issued."""
    metrics = Metrics(ports.registry)
    issuance = RemoteIssuance(ports.issuing)
    stored, used = ProvisionerTable(ports.database), UsedTokenTable(ports.database)
    authority = _authority(config, stored, issuance, metrics)
    acme = _acme(config, ports, authority, issuance, metrics)
    upkeep = Maintenance(
        authority,
        stored,
        used,
        _certificate(config, ports, authority, issuance, metrics),
        ports.tls,
        Lease(ports.database, "used-tokens"),
        ports.clock,
        metrics,
        acme.forget_chains,
    )
    api = _api(config, ports, authority, issuance, used, metrics)

    async def start() -> None:
        await acme.start()
        await upkeep.start(_records(config))

    own = upkeep.tasks(
        config.refresh_provisioners.total_seconds(), config.refresh_issuers.total_seconds()
    )
    return Service(
        "registration",
        web={"https": _web(config, ports, metrics, api, acme)},
        tasks={**own, **acme.tasks},
        start=(start,),
        stop=(used.flush,),
        ready=upkeep.ready,
    )


async def reconfigure(config: Config, database: Database, clock: Clock) -> None:
    """Writes the provisioners of a changed configuration down.

    Every worker and replica takes them over within ``refresh_provisioners``. Nothing else of the
    configuration changes while running.
    """
    await ProvisionerTable(database).seed(_records(config), int(clock.unix()))


def _records(config: Config) -> dict[str, str]:
    return {record.name: to_json(record) for record in config.records()}


def _authority(
    config: Config, stored: ProvisionerTable, issuance: RemoteIssuance, metrics: Metrics
) -> Authority:
    return Authority(
        stored,
        issuance,
        config.limits(),
        active_revocation=config.active_revocation,
        roots=_read_certificates(config.roots),
        federated=_read_certificates(config.federated_roots),
        tls=config.tls_options(),
        metrics=metrics,
    )


def _read_certificates(files: Iterable[Path]) -> list[bytes]:
    """DER of every certificate in the files. Raises ConfigError."""
    found: list[bytes] = []
    for file in files:
        try:
            found += certificate_files.read_certificates(file)
        except OSError as error:
            raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from None
        except pem.PemError as error:
            raise ConfigError(f"{file}: {error}") from None
    return found


def _certificate(
    config: Config,
    ports: Ports,
    authority: Authority,
    issuance: RemoteIssuance,
    metrics: Metrics,
) -> ServerCertificate:
    own = config.server_certificate
    return ServerCertificate(
        CertificateSpec(
            own.common_name,
            names.parse_sans(config.dns_names, UNDERSCORES),
            own.lifetime,
            own.profile,
        ),
        authority,
        issuance,
        ports.tls,
        ports.clock,
        metrics,
        ports.audit,
    )


def _api(
    config: Config,
    ports: Ports,
    authority: Authority,
    issuance: RemoteIssuance,
    used: UsedTokenTable,
    metrics: Metrics,
) -> StepAPI:
    rules = Rules(Audiences(config.dns_names), config.longest_token.total_seconds())
    clock = ports.clock
    listings = ReadOnlyRoutes(
        authority,
        version("newel-registration"),
        config.crl,
        encrypted_keys=config.encrypted_keys,
    )
    return StepAPI(
        authority,
        SignService(authority, rules, used, issuance, clock, config.backdate, config.latest_start),
        RenewService(authority, rules, used, issuance, clock),
        RevokeService(authority, rules, used, issuance, clock, config.active_revocation),
        metrics,
        ports.audit,
        listings,
    )


def _limit(config: Config, ports: Ports, metrics: Metrics, name: str, rate: RateConfig) -> Limit:
    remembered = config.rate_limits.remembered
    return Limit(name, rate.rate(), remembered, ports.audit, metrics, ports.table)


def _web(config: Config, ports: Ports, metrics: Metrics, api: StepAPI, acme: ACMEServer) -> ASGIApp:
    own, clock = config.rate_limits, ports.clock
    addresses = ClientAddresses(own.exempt)
    requests = _limit(config, ports, metrics, "address", own.address)
    accounts = {"/new-account": _limit(config, ports, metrics, "new-account", own.new_account)}
    step = RateLimitMiddleware(api, addresses, requests, clock, error_responses.error_response)
    limited = RateLimitMiddleware(
        acme.app, addresses, requests, clock, responses.error_response, accounts
    )
    return Router({"/acme/": limited, "/2.0/acme/": limited}, step)


def _acme(
    config: Config,
    ports: Ports,
    authority: Authority,
    issuance: RemoteIssuance,
    metrics: Metrics,
) -> ACMEServer:
    def provisioner(name: str) -> ACMEProvisioner | None:
        found = authority.provisioners.named(name)
        return found if isinstance(found, ACMEProvisioner) and not found.disabled else None

    return build_acme(
        config.acme,
        database=ports.database,
        issuance=issuance,
        provisioners=provisioner,
        names=config.dns_names,
        clock=ports.clock,
        audit=ports.audit,
        metrics=metrics,
        new_orders=_limit(config, ports, metrics, "new-order", config.rate_limits.new_order),
        latest_start=config.latest_start,
    )
