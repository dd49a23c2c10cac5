"""The policies of ACME accounts: those of the external account keys that bound them."""

from collections import OrderedDict

import msgspec

from newel.registration.policy.approvals import Approvals
from newel.registration.policy.levels import NO_POLICIES, Policies, compile_policies
from newel.runtime.database.contract import Database, Statement
from newel.step.policies import NameLists, PolicyConfig

MAX_REMEMBERED = 4096
"""Accounts that no external account key has bound; they stay so."""

_POLICY = Statement(
    "SELECT a.external_key, k.policy FROM acme_accounts a"
    " LEFT JOIN acme_external_keys k ON k.id = a.external_key WHERE a.id = $1"
)

_APPROVED = Statement(
    "SELECT k.approved FROM acme_accounts a JOIN acme_external_keys k ON k.id = a.external_key"
    " WHERE a.id = $1 AND k.approved IS NOT NULL AND k.removed_at IS NULL"
)


class AccountPolicies:
    """Finds the policies of accounts. One that a key has bound is looked up every time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unbound: OrderedDict[bytes, None] = OrderedDict()
        self._compiled: tuple[str, Policies] = ("", NO_POLICIES)

    async def find(self, account: bytes) -> Policies:
        """Return the policies of an account, by its id."""
        if account in self._unbound:
            return NO_POLICIES
        found = await self._database.fetch(_POLICY, account)
        if not found or found[0][0] is None:
            self._unbound[account] = None
            if len(self._unbound) > MAX_REMEMBERED:
                self._unbound.popitem(last=False)
            return NO_POLICIES
        return self._compile(found[0][1] or "")

    async def find_approved(self, account: bytes) -> Approvals | None:
        """Return what an account need not prove: nothing once its key was removed."""
        if account in self._unbound:
            return None
        found = await self._database.fetch(_APPROVED, account)
        return Approvals(msgspec.json.decode(found[0][0], type=NameLists)) if found else None

    def _compile(self, text: str) -> Policies:
        """Compile a policy, unless it is the one that was compiled last."""
        if not text:
            return NO_POLICIES
        known, policies = self._compiled
        if known != text:
            policies = compile_policies(msgspec.json.decode(text, type=PolicyConfig))
            self._compiled = text, policies
        return policies
