"""Holding a ceremony: look first, then make everything, then write it."""

import datetime as dt
from dataclasses import dataclass

from newel.signer.ceremony.lists import MadeList, make_lists
from newel.signer.ceremony.making import CeremonyError, Made, make, open_issuers
from newel.signer.ceremony.plan import Plan
from newel.signer.ceremony.writing import refuse_existing, write_all
from newel.signer.config import PKCS11Store
from newel.signer.keystore.opening import remove_token_key, token_key_exists


def look(plan: Plan) -> None:
    """Raises :class:`CeremonyError` when anything the plan would make is there already."""
    refuse_existing(plan.files())
    for each in plan.certificates:
        if isinstance(each.store, PKCS11Store) and token_key_exists(each.store):
            raise CeremonyError(f"the token {each.store.token} holds a key {each.store.label}")


@dataclass(frozen=True, slots=True)
class Held:
    """What a ceremony made."""

    certificates: list[Made]
    lists: list[MadeList]


def hold(plan: Plan, now: dt.datetime) -> Held:
    """Makes and writes everything of the plan, or nothing.

    Raises :class:`CeremonyError`, ``OSError``, ``ValueError`` for what the plan asks and X.509
    forbids, and what the keystore raises.
    """
    look(plan)
    try:
        issuers = open_issuers(plan)
        held = Held(make(plan, issuers, now), make_lists(plan, issuers, now))
        write_all(held.certificates, held.lists, plan.record, now.isoformat(timespec="seconds"))
    except BaseException:
        _take_back(plan)
        raise
    return held


def _take_back(plan: Plan) -> None:
    """Removes the keys made in tokens: none of them was there when the ceremony began."""
    for each in plan.certificates:
        if isinstance(each.store, PKCS11Store) and token_key_exists(each.store):
            remove_token_key(each.store)
