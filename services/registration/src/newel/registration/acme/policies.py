"""The name policies that orders and their certificates are held to."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from newel.acme.identifiers import Identifier
from newel.crypto.distinguished_names import Attribute
from newel.crypto.names import GeneralName
from newel.registration.acme.identifiers import general_name
from newel.registration.inventory import (
    InventoryQuestion,
    explain_unknown,
    find_unknown_names,
)
from newel.registration.policy.levels import Policies
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError, Subproblem


class CheckNames(Protocol):
    """Checks names against levels, the authority's policies and the issuer's name constraints."""

    def __call__(
        self,
        levels: Iterable[Policies],
        names: Sequence[GeneralName],
        subject: Sequence[Attribute],
        now: dt.datetime,
        /,
    ) -> None:
        """Raise NewelError (403) for a name that is not allowed."""
        ...


class Approval(Protocol):
    """The names that the accounts of an external account key need not prove."""

    def covers(self, name: GeneralName, /) -> bool:
        """Tell whether a name is one of them."""
        ...


AccountRules = tuple[Policies, Approval | None]
"""The policies of an account, and what it need not prove (None: nothing): of its external account key."""

FindAccountRules = Callable[[bytes], Awaitable[AccountRules]]
"""Finds the rules of an account, by its id."""


class NameChecks(NamedTuple):
    """The checks of an ACME server: the account's policies first, then the provisioner's."""

    check_names: CheckNames
    find_rules: FindAccountRules

    async def check_identifiers(
        self,
        provisioner: ACMEProvisioner,
        policies: Policies,
        identifiers: Iterable[Identifier],
        now: dt.datetime,
    ) -> None:
        """Refuse an order with ``rejectedIdentifier``, and a subproblem for each identifier at fault.

        ``policies`` are the account's. Where the provisioner requires names to be known, the inventory is
        asked too: raises ``unavailable`` when it cannot be.
        """
        wanted = [(each, general_name(each)) for each in identifiers]
        levels = (policies, provisioner.policies)
        rejected: list[Subproblem] = []
        for each, name in wanted:
            try:
                self.check_names(levels, [name], (), now)
            except NewelError as error:
                rejected.append(_reject(each, error.detail))
        if provisioner.requires_inventory and not rejected:
            question = InventoryQuestion(provisioner.name, "", tuple(name for _, name in wanted))
            unknown = await find_unknown_names(provisioner.inventory, question)
            rejected += [_reject(each, explain_unknown(n)) for each, n in wanted if n in unknown]
        if rejected:
            raise NewelError(
                ErrorType.REJECTED_IDENTIFIER,
                rejected[0].detail if len(rejected) == 1 else "several identifiers are not allowed",
                subproblems=rejected,
            )

    async def check_certificate(
        self,
        provisioner: ACMEProvisioner,
        account: bytes,
        names: Sequence[GeneralName],
        subject: Sequence[Attribute],
        now: dt.datetime,
    ) -> None:
        """Refuse a certificate with ``rejectedIdentifier`` for a name that is not allowed."""
        policies, _ = await self.find_rules(account)
        levels = (policies, provisioner.policies)
        try:
            self.check_names(levels, names, subject, now)
        except NewelError as error:
            raise NewelError(ErrorType.REJECTED_IDENTIFIER, error.detail) from None


def select_approved(
    approval: Approval | None, identifiers: Iterable[Identifier]
) -> frozenset[Identifier]:
    """Return the identifiers that need not be proved; wildcards are never among them."""
    if approval is None:
        return frozenset()
    return frozenset(
        each for each in identifiers if not each.is_wildcard and approval.covers(general_name(each))
    )


def _reject(identifier: Identifier, detail: str) -> Subproblem:
    shown = (identifier.type, identifier.value)
    return Subproblem(ErrorType.REJECTED_IDENTIFIER, detail, *shown)
