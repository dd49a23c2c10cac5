"""Running a ceremony: check first, then make everything, then write it."""

import datetime as dt
from dataclasses import dataclass

from newel.signer.ceremony.certificates import (
    CeremonyError,
    IssuedCertificate,
    IssuedCross,
    make_certificates,
    make_crosses,
    open_issuers,
)
from newel.signer.ceremony.lists import SignedList, make_lists
from newel.signer.ceremony.output import refuse_existing, write_all
from newel.signer.ceremony.plan import Plan
from newel.signer.ceremony.ssh_keys import SSHCAKey, make_ssh_keys
from newel.signer.keystore.opening import remove_token_key, token_key_exists
from newel.signer.stores import PKCS11Store


def check_plan(plan: Plan) -> None:
    """Raise :class:`CeremonyError` if anything the plan would make exists already."""
    refuse_existing(plan.files())
    for store in plan.stores():
        if isinstance(store, PKCS11Store) and token_key_exists(store):
            raise CeremonyError(f"the token {store.token} holds a key {store.label}")


@dataclass(frozen=True, slots=True)
class CeremonyResult:
    """The results of a ceremony."""

    certificates: list[IssuedCertificate]
    lists: list[SignedList]
    ssh_keys: list[SSHCAKey]
    crosses: list[IssuedCross]


def run_ceremony(plan: Plan, now: dt.datetime) -> CeremonyResult:
    """Make and write everything of the plan, or nothing.

    Raises :class:`CeremonyError`, ``OSError``, ``ValueError`` for a plan that X.509 forbids,
    and the errors of the keystore.
    """
    check_plan(plan)
    try:
        issuers = open_issuers(plan)
        result = CeremonyResult(
            make_certificates(plan, issuers, now),
            make_lists(plan, issuers, now),
            make_ssh_keys(plan),
            make_crosses(plan, issuers, now),
        )
        made_at = now.isoformat(timespec="seconds")
        write_all(
            result.certificates, result.lists, result.ssh_keys, result.crosses, plan.record, made_at
        )
    except BaseException:
        _remove_token_keys(plan)
        raise
    return result


def _remove_token_keys(plan: Plan) -> None:
    """Destroy the keys made in tokens, none of which existed before the ceremony."""
    for store in plan.stores():
        if isinstance(store, PKCS11Store) and token_key_exists(store):
            remove_token_key(store)
