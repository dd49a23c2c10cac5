"""Holding a ceremony: look first, then make everything, then write it."""

import datetime as dt

from newel.signer.ceremony.making import CeremonyError, Made, make
from newel.signer.ceremony.plan import Plan
from newel.signer.ceremony.writing import refuse_existing, write_all
from newel.signer.config import Pkcs11Store
from newel.signer.keystore.opening import remove_token_key, token_key_exists


def look(plan: Plan) -> None:
    """Raises :class:`CeremonyError` when anything the plan would make is there already."""
    refuse_existing(plan.files())
    for each in plan.certificates:
        if isinstance(each.store, Pkcs11Store) and token_key_exists(each.store):
            raise CeremonyError(f"the token {each.store.token} holds a key {each.store.label}")


def hold(plan: Plan, now: dt.datetime) -> list[Made]:
    """Makes and writes everything of the plan, or nothing.

    Raises :class:`CeremonyError`, ``OSError``, ``ValueError`` for what the plan asks and X.509
    forbids, and what the keystore raises.
    """
    look(plan)
    try:
        made = make(plan, now)
        write_all(made, plan.record, now.isoformat(timespec="seconds"))
    except BaseException:
        _take_back(plan)
        raise
    return made


def _take_back(plan: Plan) -> None:
    """Removes the keys made in tokens: none of them was there when the ceremony began."""
    for each in plan.certificates:
        if isinstance(each.store, Pkcs11Store) and token_key_exists(each.store):
            remove_token_key(each.store)
