"""The composition of the SSH half of the step API."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.inventory import Inventory
from newel.registration.provisioners.provisioner import TokenRules
from newel.registration.ssh.add_user import AddUser
from newel.registration.ssh.config import SSHConfig
from newel.registration.ssh.configuration import SSHConfiguration
from newel.registration.ssh.host_tags import HostTags
from newel.registration.ssh.hosts import HostTable
from newel.registration.ssh.identity import IdentityService
from newel.registration.ssh.keys import SSHKeys
from newel.registration.ssh.krl import MAX_LIST, KRLMirror
from newel.registration.ssh.krl_routes import KRLRoutes
from newel.registration.ssh.renewal import SSHRenewService
from newel.registration.ssh.revocation import SSHRevokeService
from newel.registration.ssh.routes import SSHAPI
from newel.registration.ssh.signing import SSHSignService
from newel.registration.ssh_issuance import SSHIssuance
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError
from newel.runtime.database.contract import Database
from newel.runtime.http.outgoing import OutgoingClient


class SSHServer(NamedTuple):
    """The parts that the registration authority puts into its service."""

    app: SSHAPI
    keys: SSHKeys
    """To be refreshed before listening, and from time to time."""


def build_ssh(
    config: SSHConfig,
    *,
    database: Database,
    authority: Authority,
    issuance: SSHIssuance,
    used: UsedTokenTable,
    rules: TokenRules,
    clock: Clock,
    audit_trail: AuditTrail,
    backdate: dt.timedelta,
    active_revocation: bool,
    identities: IdentityService,
    outgoing: Callable[..., OutgoingClient],
    inventory: Inventory | None,
) -> SSHServer:
    """Build it. Raises ConfigError for templates that cannot be used, and for tags that nothing has."""
    if config.host_tags and inventory is None:
        raise ConfigError("ssh.host_tags: they are the inventory's, and no inventory is configured")
    keys, hosts = SSHKeys(issuance, config.foreign_keys()), HostTable(database)
    add_user = AddUser(config.add_user_principal, config.add_user_command)
    sign = SSHSignService(
        authority, rules, used, issuance, hosts, clock, backdate, add_user, identities
    )
    renew = SSHRenewService(
        authority, rules, used, issuance, keys, hosts, clock, backdate, identities
    )
    mirror = (
        KRLMirror(config.krl_source, outgoing(body_bytes=MAX_LIST, plain=True), keys)
        if config.krl_source
        else None
    )
    app = SSHAPI(
        sign,
        renew,
        SSHRevokeService(renew, active_revocation),
        keys,
        hosts,
        HostTags(inventory, config.host_tags),
        SSHConfiguration(config),
        KRLRoutes(mirror, config.krl_url),
        clock,
        audit_trail,
    )
    return SSHServer(app, keys)
