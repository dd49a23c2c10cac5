"""The composition of the registration authority."""

from functools import partial
from importlib.metadata import version

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES
from newel.proto import subjects
from newel.registration import foreign_uses, restored_database, servers
from newel.registration.acme import foreign
from newel.registration.admin import foreign as foreign_admin
from newel.registration.admin.first_start import migrate as migrate_provisioners
from newel.registration.admin.storage import AdminTables
from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.config import Config, read_certificates
from newel.registration.context import build_reach
from newel.registration.maintenance import Maintenance
from newel.registration.metrics import Metrics
from newel.registration.ports import Ports
from newel.registration.provisioners.provisioner import ProvisionerContext, TokenRules
from newel.registration.refusal_storage import RefusalStorage
from newel.registration.refusals import RefusalWatch
from newel.registration.rpc import RemoteIssuance
from newel.registration.scep.build import build as build_scep
from newel.registration.server_certificate import CertificateSpec, ServerCertificate
from newel.registration.ssh.foreign_hosts import ForeignHosts
from newel.registration.step.read_only_routes import ReadOnlyRoutes
from newel.registration.step.renewal import RenewService
from newel.registration.step.revocation import RevokeService
from newel.registration.step.routes import StepAPI
from newel.registration.step.signing import SignService
from newel.registration.storage import CONFIGURED, MANAGED, ProvisionerTable, UsedTokenTable
from newel.registration.web import build_web
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.service import Service, Task
from newel.step.audiences import Audiences
from newel.step.provisioners import to_json

__all__ = [
    "ForeignHosts", "Ports", "build", "foreign", "foreign_admin", "foreign_uses", "reconfigure",
    "restored_database",
]  # fmt: skip # words in rows

REVISION = "0014"
"""The migration that ``build`` needs the database to be at."""

TABLES = (
    "acme_accounts",
    "acme_authorizations",
    "acme_external_keys",
    "acme_nonces",
    "acme_orders",
    "acme_rates",
    "acme_replacements",
    "acme_secrets",
    "acme_successors",
    "administrators",
    "administrators_reads",
    "leases",
    "open_uses",
    "outbox",
    "outbox_cursors",
    "policies",
    "provisioners",
    "refusals",
    "refusals_told",
    "revisions",
    "scep_transactions",
    "scep_transport_keys",
    "ssh_hosts",
    "used_tokens",
)
"""The tables of the database at that migration."""

EVENTS = subjects.REFUSALS
"""The subjects of the events this service writes."""

_STORED_EVERY, _JUDGED_EVERY = 10.0, 30.0
"""Seconds between two looks at the refusals."""


async def build(config: Config, ports: Ports) -> Service:
    """Build the service. Its start hook waits for the issuing authority and has the certificate issued."""
    metrics, issuance = Metrics(ports.registry), RemoteIssuance(ports.issuing)
    stored = ProvisionerTable(ports.database, MANAGED if config.remote_management else CONFIGURED)
    used, refusals = UsedTokenTable(ports.database), _refusals(config, ports, metrics)
    reach = build_reach(config, ports.tls, ports.clock, metrics, ports.inventory)
    authority = _authority(config, stored, issuance, metrics, reach.context)
    acme = servers.build_acme(config, ports, authority, issuance, metrics)
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
    ssh = servers.build_ssh(config, ports, authority, used, metrics)
    scep = build_scep(
        config.scep, ports.database, authority, issuance, ports.clock, ports.audit, metrics,
        policy_on_renewal=config.policy_on_renewal,
    )  # fmt: skip # the parts of every server

    async def start() -> None:
        await acme.start()
        await _seed(config, ports)
        await maintenance.start()
        await ssh.keys.refresh()

    refresh = config.refresh_issuers.total_seconds()
    return Service(
        "registration",
        web=build_web(
            config.rate_limits,
            partial(servers.build_limit, config, ports, metrics),
            ports.clock,
            step=api,
            acme=acme.app,
            scep=scep.app,
            ssh=ssh.app,
            admin=servers.build_admin(config, ports, authority, issuance, used, metrics),
            revocations=servers.build_revocations(config, ports, authority, issuance, metrics),
        ),
        optional_web=("http",),
        tasks={
            **maintenance.tasks(config.refresh_provisioners.total_seconds(), refresh),
            **acme.tasks,
            **scep.tasks,
            **reach.tasks,
            "ssh-keys": repeat_every(refresh, ssh.keys.refresh),
            **_watch_refusals(ports, refusals),
        },
        start=(start,),
        stop=(used.flush, refusals.store),
        reports={"provisionersOff": authority.report_unusable},
        ready=maintenance.ready,
    )


def _refusals(config: Config, ports: Ports, metrics: Metrics) -> RefusalWatch:
    storage = RefusalStorage(ports.database)
    return RefusalWatch(
        metrics.refusals, storage, ports.outbox, config.refusal_spike, ports.clock, ports.audit
    )


def _watch_refusals(ports: Ports, watch: RefusalWatch) -> dict[str, Task]:
    judging = repeat_every(_JUDGED_EVERY, watch.judge)
    return {
        "refusals": repeat_every(_STORED_EVERY, watch.store),
        "refusal-spikes": partial(run_leased, Lease(ports.database, "refusal-spikes"), judging),
    }


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
