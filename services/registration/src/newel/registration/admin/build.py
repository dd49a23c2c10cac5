"""The composition of remote management."""

from collections.abc import Iterable

from newel.registration.admin.calls import AdminServer
from newel.registration.admin.routes import AdminAPI
from newel.registration.admin.storage import AdminTables
from newel.registration.admin.tokens import AdminAuthenticator
from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.issuance import Issuance
from newel.registration.replacements import Replacements
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock


def build(
    tables: AdminTables,
    *,
    authority: Authority,
    issuance: Issuance,
    used: UsedTokenTable,
    names: Iterable[str],
    clock: Clock,
    audit_trail: AuditTrail,
    authority_id: str,
    replacements: Replacements,
) -> AdminAPI:
    """Build the app; ``names`` are those by which clients reach this authority."""
    hosts = frozenset(f"[{each}]" if ":" in each else each.lower() for each in names)
    return AdminAPI(
        AdminServer(tables, authority, clock, authority_id, replacements),
        AdminAuthenticator(authority, issuance, used, hosts),
        audit_trail,
    )
