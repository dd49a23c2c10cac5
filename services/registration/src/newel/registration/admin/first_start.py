"""The first start with remote management: ca.json's provisioners move into the database, once."""

import logging
from collections.abc import Callable, Sequence

from newel.registration.admin.records import (
    Administrator,
    Record,
    StoredProvisioner,
    new_uuid,
)
from newel.registration.admin.storage import AdminTables
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError
from newel.step.managed_messages import SUPER_ADMIN
from newel.step.provisioners import ProvisionerConfig, kind, to_json

_log = logging.getLogger("newel.registration.admin")


async def migrate(
    tables: AdminTables,
    records: Sequence[ProvisionerConfig],
    policy: Record,
    subject: str,
    make_first: Callable[[], ProvisionerConfig] | None,
    clock: Clock,
    audit: Audit,
) -> None:
    """Store the first configuration, with the first super administrator, unless a start has done so before.

    The first JWK provisioner vouches for ``subject``; without one ``make_first`` makes it. Of several
    processes that start at once, one does it. Raises ConfigError where there is no JWK provisioner.
    """
    if await tables.is_migrated():
        if records or policy:
            _log.warning(
                "administrators manage the provisioners and the policy of this authority; those in its"
                " configuration have no effect and can be removed from it"
            )
        return
    wanted = [*records]
    first = next((each for each in wanted if kind(each) == "JWK"), None)
    if first is None:
        if make_first is None:
            raise ConfigError(
                "provisioners: remote management needs a JWK provisioner, which vouches for the first"
                " administrator"
            )
        first = make_first()
        wanted.append(first)
    now = int(clock.now().timestamp())
    stored = [
        StoredProvisioner(new_uuid(), each.name, position, to_json(each), now, 1)
        for position, each in enumerate(wanted)
    ]
    holder = next(each for each in stored if each.name == first.name)
    administrator = Administrator(new_uuid(), subject, holder.id, SUPER_ADMIN, now)
    if not await tables.migrate(stored, [administrator], policy):
        return
    for each in wanted:
        _log.info("the %s provisioner %r moved into the database", kind(each), each.name)
    _log.info(
        "%r is the first super administrator, for whom the JWK provisioner %r vouches; the provisioners"
        " and the policy of the configuration have no effect any more and can be removed from it",
        subject,
        first.name,
    )
    names = [each.name for each in wanted]
    audit.record(
        "admin.first-start",
        "granted",
        administrator=subject,
        provisioner=first.name,
        provisioners=names,
    )
