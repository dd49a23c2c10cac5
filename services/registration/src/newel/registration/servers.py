"""The servers that the registration authority is made of, each built from its configuration and ports."""

from newel.registration.acme.build import ACMEServer
from newel.registration.acme.build import build as build_acme_server
from newel.registration.acme.policies import NameChecks
from newel.registration.admin.account_policies import AccountPolicies
from newel.registration.admin.build import build as build_admin_server
from newel.registration.admin.storage import AdminTables
from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.config import Config, RateConfig
from newel.registration.metrics import Metrics
from newel.registration.ports import Ports
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.provisioners.provisioner import TokenRules
from newel.registration.rate_limits import Limit
from newel.registration.replacements import Replacements
from newel.registration.revocations.build import build as build_revocations_app
from newel.registration.rpc import RemoteInventory, RemoteIssuance
from newel.registration.ssh.build import SSHServer
from newel.registration.ssh.build import build_ssh as build_ssh_server
from newel.registration.ssh.identity import IdentityService
from newel.registration.ssh_rpc import RemoteSSHIssuance
from newel.registration.step.renewal import RenewService
from newel.registration.storage import UsedTokenTable
from newel.runtime.asgi import ASGIApp
from newel.step.audiences import Audiences


def build_ssh(
    config: Config, ports: Ports, authority: Authority, used: UsedTokenTable, metrics: Metrics
) -> SSHServer:
    """Build the SSH half of the step API. Raises ConfigError."""
    rules = TokenRules(Audiences(config.dns_names), config.longest_token)
    issuance = RemoteIssuance(ports.issuing)
    renewal = RenewService(authority, rules, used, issuance, ports.clock, config.policy_on_renewal)
    return build_ssh_server(
        config.ssh,
        database=ports.database,
        authority=authority,
        issuance=RemoteSSHIssuance(ports.issuing),
        used=used,
        rules=rules,
        clock=ports.clock,
        audit_trail=AuditTrail(ports.audit, metrics),
        backdate=config.backdate,
        active_revocation=config.active_revocation,
        identities=IdentityService(authority, issuance, renewal),
        outgoing=config.outgoing.client,
        inventory=RemoteInventory(ports.inventory) if ports.inventory else None,
    )


def build_limit(
    config: Config, ports: Ports, metrics: Metrics, name: str, rate: RateConfig
) -> Limit:
    """Build one rate limit."""
    remembered = config.rate_limits.remembered
    return Limit(name, rate.rate(), remembered, ports.audit, metrics, ports.table)


def build_admin(
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
    return build_admin_server(
        AdminTables(ports.database),
        authority=authority,
        issuance=issuance,
        used=used,
        names=config.dns_names,
        clock=ports.clock,
        audit_trail=AuditTrail(ports.audit, metrics),
        authority_id=config.authority_id,
        replacements=Replacements(ports.database),
    )


def build_revocations(
    config: Config, ports: Ports, authority: Authority, issuance: RemoteIssuance, metrics: Metrics
) -> ASGIApp | None:
    """Build revocation by administrators, whom only a connected inventory knows."""
    if ports.inventory is None:
        return None
    return build_revocations_app(
        ports.inventory,
        authority=authority,
        issuance=issuance,
        ssh_issuance=RemoteSSHIssuance(ports.issuing),
        active_revocation=config.active_revocation,
        clock=ports.clock,
        audit=ports.audit,
        audit_trail=AuditTrail(ports.audit, metrics),
    )


def build_acme(
    config: Config,
    ports: Ports,
    authority: Authority,
    issuance: RemoteIssuance,
    metrics: Metrics,
) -> ACMEServer:
    """Build the ACME server."""
    accounts = AccountPolicies(ports.database, ports.clock)
    return build_acme_server(
        config.acme,
        database=ports.database,
        issuance=issuance,
        provisioners=lambda name: authority.provisioners.find_enabled(name, ACMEProvisioner),
        names=config.dns_names,
        clock=ports.clock,
        audit=ports.audit,
        metrics=metrics,
        new_orders=build_limit(config, ports, metrics, "new-order", config.rate_limits.new_order),
        subject_defaults=authority.subject_defaults,
        name_checks=NameChecks(authority.check_names, accounts.find),
        exempt=config.rate_limits.exempt,
        latest_start=config.latest_start,
    )
