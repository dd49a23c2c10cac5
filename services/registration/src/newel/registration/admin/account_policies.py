"""The rules of ACME accounts: those of the external account keys that bound them."""

from collections import OrderedDict

import msgspec

from newel.registration.policy.approvals import Approvals
from newel.registration.policy.levels import NO_POLICIES, Policies, compile_policies
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database, Statement
from newel.step.policies import NameLists, PolicyConfig

MAX_REMEMBERED = 4096
"""Accounts that no external account key has bound; they stay so."""

_RULES = Statement(
    "SELECT a.external_key, k.policy, k.approved, k.removed_at, k.ends_at FROM acme_accounts a"
    " LEFT JOIN acme_external_keys k ON k.id = a.external_key WHERE a.id = $1"
)


class AccountPolicies:
    """Finds the rules of accounts. One that a key has bound is looked up every time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._unbound: OrderedDict[bytes, None] = OrderedDict()
        self._compiled: tuple[str, Policies] = ("", NO_POLICIES)

    async def find(self, account: bytes) -> tuple[Policies, Approvals | None]:
        """Return the policies of an account, by its id, and what it need not prove.

        Once its key was removed or has ended the policies still hold, and everything is to be proved.
        """
        if account in self._unbound:
            return NO_POLICIES, None
        found = await self._database.fetch(_RULES, account)
        if not found or found[0][0] is None:
            self._unbound[account] = None
            if len(self._unbound) > MAX_REMEMBERED:
                self._unbound.popitem(last=False)
            return NO_POLICIES, None
        _, policy, approved, removed_at, ends_at = found[0]
        approvals = None
        is_of_use = removed_at is None and (ends_at is None or ends_at > self._clock.unix())
        if approved is not None and is_of_use:
            approvals = Approvals(msgspec.json.decode(approved, type=NameLists))
        return self._compile(policy or ""), approvals

    def _compile(self, text: str) -> Policies:
        """Compile a policy, unless it is the one that was compiled last."""
        if not text:
            return NO_POLICIES
        known, policies = self._compiled
        if known != text:
            policies = compile_policies(msgspec.json.decode(text, type=PolicyConfig))
            self._compiled = text, policies
        return policies
