"""The composition of the registration authority."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES
from newel.registration import foreign_uses
from newel.registration.acme import foreign
from newel.registration.acme.build import ACMEServer
from newel.registration.acme.build import build as build_acme
from newel.registration.acme.policies import NameChecks
from newel.registration.admin import foreign as foreign_admin
from newel.registration.admin.account_policies import AccountPolicies
from newel.registration.admin.build import build as build_admin
from newel.registration.admin.first_start import migrate as migrate_provisioners
from newel.registration.admin.storage import AdminTables
from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.config import Config, RateConfig, read_certificates
from newel.registration.context import build_reach
from newel.registration.maintenance import Maintenance
from newel.registration.metrics import Metrics
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.provisioners.provisioner import ProvisionerContext, TokenRules
from newel.registration.rate_limits import Limit
from newel.registration.rpc import RemoteIssuance
from newel.registration.scep.build import build as build_scep
from newel.registration.server_certificate import CertificateSpec, ServerCertificate
from newel.registration.ssh.build import SSHServer, build_ssh
from newel.registration.ssh_rpc import RemoteSSHIssuance
from newel.registration.step.read_only_routes import ReadOnlyRoutes
from newel.registration.step.renewal import RenewService
from newel.registration.step.revocation import RevokeService
from newel.registration.step.routes import StepAPI
from newel.registration.step.signing import SignService
from newel.registration.storage import CONFIGURED, MANAGED, ProvisionerTable, UsedTokenTable
from newel.registration.web import build_web
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease
from newel.runtime.service import Service
from newel.runtime.shared_table import SharedTable
from newel.runtime.tls.server import ServerTLS
from newel.step.audiences import Audiences
from newel.step.provisioners import ProvisionerConfig, to_json

__all__ = ["Ports", "build", "foreign", "foreign_admin", "foreign_uses", "reconfigure"]

REVISION = "0006"
"""The migration that ``build`` needs the database to be at."""

TABLES = (
    "acme_accounts",
    "acme_authorizations",
    "acme_external_keys",
    "acme_nonces",
    "acme_orders",
    "acme_secrets",
    "administrators",
    "administrators_reads",
    "leases",
    "open_uses",
    "policies",
    "provisioners",
    "revisions",
    "scep_transactions",
    "scep_transport_keys",
    "ssh_hosts",
    "used_tokens",
)
"""The tables of the database at that migration."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The process's side of the registration authority: connections, clock, audit, metrics."""

    database: Database
    issuing: grpc.aio.Channel
    tls: ServerTLS
    clock: Clock
    audit: Audit
    registry: CollectorRegistry
    table: SharedTable | None = None
    """Counters that the workers of one program share."""
    make_first_provisioner: Callable[[], ProvisionerConfig] | None = None
    """Makes the JWK provisioner of the first administrator, where the configuration has none."""
    inventory: grpc.aio.Channel | None = None
    """To the inventory, where it is connected."""


async def build(config: Config, ports: Ports) -> Service:
    """Build the service. Its start hook waits for the issuing authority and has the certificate issued."""
    metrics = Metrics(ports.registry)
    issuance = RemoteIssuance(ports.issuing)
    origin = MANAGED if config.remote_management else CONFIGURED
    stored, used = ProvisionerTable(ports.database, origin), UsedTokenTable(ports.database)
    reach = build_reach(config, ports.tls, ports.clock, metrics, ports.inventory)
    authority = _authority(config, stored, issuance, metrics, reach.context)
    acme = _acme(config, ports, authority, issuance, metrics)
    maintenance = Maintenance(
        authority,
        used,
        _certificate(config, ports, authority, issuance, metrics),
        ports.tls,
        Lease(ports.database, "used-tokens"),
        ports.clock,
        metrics,
        acme.forget_chains,
        reach.webhooks,
    )
    api = _api(config, ports, authority, issuance, used, metrics)
    ssh = _ssh(config, ports, authority, used, metrics)
    admin = _admin(config, ports, authority, issuance, used, metrics)
    scep = build_scep(
        config.scep, ports.database, authority, issuance, ports.clock, ports.audit, metrics,
        policy_on_renewal=config.policy_on_renewal,
    )  # fmt: skip # the parts of every server

    async def start() -> None:
        await acme.start()
        await _seed(config, ports)
        await maintenance.start()
        await ssh.keys.refresh()

    tasks = maintenance.tasks(
        config.refresh_provisioners.total_seconds(), config.refresh_issuers.total_seconds()
    )
    return Service(
        "registration",
        web=build_web(
            config.rate_limits,
            partial(_limit, config, ports, metrics),
            ports.clock,
            step=api,
            acme=acme.app,
            scep=scep.app,
            ssh=ssh.app,
            admin=admin,
        ),
        optional_web=("http",),
        tasks={
            **tasks,
            **acme.tasks,
            **scep.tasks,
            **reach.tasks,
            "ssh-keys": repeat_every(config.refresh_issuers.total_seconds(), ssh.keys.refresh),
        },
        start=(start,),
        stop=(used.flush,),
        reports={"provisionersOff": authority.report_unusable},
        ready=maintenance.ready,
    )


async def _seed(config: Config, ports: Ports) -> None:
    """Store the configured provisioners; with remote management at the first start alone."""
    if not config.remote_management:
        await reconfigure(config, ports.database, ports.clock)
        return
    await migrate_provisioners(
        AdminTables(ports.database),
        config.records(),
        config.policy,
        config.first_administrator,
        ports.make_first_provisioner,
        ports.clock,
        ports.audit,
    )


async def reconfigure(config: Config, database: Database, clock: Clock) -> None:
    """Store the provisioners and the policy of a changed configuration, unless administrators manage them.

    Every worker and replica uses them within ``refresh_provisioners``. Nothing else of the configuration
    changes at run time.
    """
    if not config.remote_management:
        await ProvisionerTable(database).seed(_records(config), config.policy_text(), clock.now())


def _records(config: Config) -> dict[str, str]:
    return {record.name: to_json(record) for record in config.records()}


def _authority(
    config: Config,
    stored: ProvisionerTable,
    issuance: RemoteIssuance,
    metrics: Metrics,
    context: ProvisionerContext,
) -> Authority:
    return Authority(
        stored,
        issuance,
        context,
        roots=read_certificates(config.roots),
        federated=read_certificates(config.federated_roots),
        tls=config.tls_options(),
        metrics=metrics,
        policies=config.policies(),
        subject_defaults=config.subject_defaults(),
        longest=config.longest_duration,
    )


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
    rules = TokenRules(Audiences(config.dns_names), config.longest_token)
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
        RenewService(authority, rules, used, issuance, clock, config.policy_on_renewal),
        RevokeService(authority, rules, used, issuance, clock, config.active_revocation),
        AuditTrail(ports.audit, metrics),
        listings,
    )


def _ssh(
    config: Config, ports: Ports, authority: Authority, used: UsedTokenTable, metrics: Metrics
) -> SSHServer:
    return build_ssh(
        config.ssh,
        database=ports.database,
        authority=authority,
        issuance=RemoteSSHIssuance(ports.issuing),
        used=used,
        rules=TokenRules(Audiences(config.dns_names), config.longest_token),
        clock=ports.clock,
        audit_trail=AuditTrail(ports.audit, metrics),
        backdate=config.backdate,
        active_revocation=config.active_revocation,
    )


def _limit(config: Config, ports: Ports, metrics: Metrics, name: str, rate: RateConfig) -> Limit:
    remembered = config.rate_limits.remembered
    return Limit(name, rate.rate(), remembered, ports.audit, metrics, ports.table)


def _admin(
    config: Config,
    ports: Ports,
    authority: Authority,
    issuance: RemoteIssuance,
    used: UsedTokenTable,
    metrics: Metrics,
) -> ASGIApp | None:
    """Build the administration API; without remote management its paths are not found."""
    if not config.remote_management:
        return None
    return build_admin(
        AdminTables(ports.database),
        authority=authority,
        issuance=issuance,
        used=used,
        names=config.dns_names,
        clock=ports.clock,
        audit_trail=AuditTrail(ports.audit, metrics),
        authority_id=config.authority_id,
    )


def _acme(
    config: Config,
    ports: Ports,
    authority: Authority,
    issuance: RemoteIssuance,
    metrics: Metrics,
) -> ACMEServer:
    def provisioner(name: str) -> ACMEProvisioner | None:
        found = authority.provisioners.by_name(name)
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
        subject_defaults=authority.subject_defaults,
        name_checks=NameChecks(authority.check_names, AccountPolicies(ports.database).find),
        latest_start=config.latest_start,
    )
