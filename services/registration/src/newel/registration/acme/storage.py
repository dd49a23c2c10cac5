"""The ACME tables: one class for all reads, changes, claims and attempts."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from newel.acme.identifiers import Identifier
from newel.registration.acme import ids, rows
from newel.registration.acme import statements as sql
from newel.registration.acme.changes import BeginFinalize, Change, NewOrder
from newel.registration.acme.rates import Rates, give_back
from newel.registration.acme.records import (
    Account,
    Admission,
    Attempt,
    Attestation,
    Authorization,
    AuthorizationStatus,
    Claim,
    IdentifierProof,
    Order,
    Preauthorization,
    RateUse,
    UsableKey,
)
from newel.registration.acme.writes import to_seconds, writes
from newel.runtime.database.contract import Database, Write
from newel.runtime.database.times import read_time

_OLDEST = dt.timedelta(days=1)
"""How much older than its validation an order is taken to be."""


class Storage:
    """The ACME tables of one registration database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.rates = Rates(database)

    async def admit(self, admission: Admission, change: Change | None = None) -> bool:
        """Use the nonce and, if that succeeds and the account is still valid, make the change.

        One transaction: False means that nothing happened at all. The use of a nonce alone need not be
        durable: a read that is repeated after a power failure changes nothing.
        """
        if admission.account is None:
            gate = Write(sql.USE_NONCE, (admission.nonce,))
        else:
            gate = _gate_of_account(admission.nonce, admission.account, admission, change)
        then = [] if change is None else writes(change)
        return await self._database.decide(gate, *then, durable=bool(then)) is not None

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """Return the shared secret of that name: ``fresh`` if no replica stored one before."""
        await self._database.apply(Write(sql.ADD_SECRET, (name, fresh)))
        found = await self._database.fetch(sql.SECRET, name)
        return bytes(found[0][0])

    # ------------------------------------------------------------ accounts
    async def account(self, account: bytes, provisioner: str) -> Account | None:
        """Read an account of this provisioner by its id."""
        found = await self._database.fetch(sql.ACCOUNT, account, provisioner)
        return rows.account(found[0]) if found else None

    async def account_by_key(self, thumbprint: bytes, provisioner: str) -> Account | None:
        """Read an account of this provisioner by its key."""
        found = await self._database.fetch(sql.ACCOUNT_OF_KEY, thumbprint, provisioner)
        return rows.account(found[0]) if found else None

    async def external_key(self, key_id: str, provisioner: str) -> UsableKey | None:
        """Read the external account key of that id, unless it was removed."""
        found = await self._database.fetch(sql.EXTERNAL_KEY, key_id, provisioner)
        if not found:
            return None
        mac_key, last, most, bound, ends_at = found[0]
        bound = max(int(bound), int(last is not None))
        return UsableKey(
            bytes(mac_key), bound, int(most), None if ends_at is None else read_time(ends_at)
        )

    # ------------------------------------------------------------ orders
    async def order(self, order: bytes, account: bytes, now: dt.datetime) -> Order | None:
        """Read an order of this account, with its state at ``now``."""
        found = await self._database.fetch(sql.ORDER, order, account)
        return rows.order(found[0], now) if found else None

    async def orders(self, account: bytes, after: bytes, limit: int) -> list[bytes]:
        """List the ids of the account's orders after one of them, oldest first."""
        return [bytes(r[0]) for r in await self._database.fetch(sql.ORDERS, account, after, limit)]

    async def certificate(self, order: bytes, account: bytes) -> tuple[bytes, str] | None:
        """Read DER and issuer of an order's certificate, if this account owns it."""
        found = await self._database.fetch(sql.CERTIFICATE, order, account)
        return (bytes(found[0][0]), str(found[0][1])) if found else None

    async def finalization(self, order: bytes, account: bytes) -> tuple[bytes | None, bytes] | None:
        """Read the CSR an order is processed with, or the certificate it led to."""
        found = await self._database.fetch(sql.FINALIZED, order, account)
        if not found:
            return None
        csr, certificate = found[0]
        return None if csr is None else bytes(csr), bytes(certificate or b"")

    # ------------------------------------------------------------ authorizations
    async def authorization(
        self, order: bytes, position: int, account: bytes, now: dt.datetime
    ) -> Authorization | None:
        """Read an authorization of this account, with its state at ``now``."""
        found = await self._database.fetch(sql.AUTHORIZATION, order, position, account)
        return rows.authorization(found[0], now) if found else None

    async def preauthorizations(
        self, account: bytes, until: dt.datetime, limit: int
    ) -> list[Preauthorization]:
        """List the valid ones that were asked for in advance and end after ``until``, the last first."""
        params = (account, to_seconds(until), limit)
        found = await self._database.fetch(sql.PREAUTHORIZATIONS, *params)
        return [rows.preauthorization(row) for row in found]

    async def proves(
        self, account: bytes, since: bytes, wanted: Sequence[Identifier], now: dt.datetime
    ) -> bool:
        """Tell whether the account holds a valid authorization for each of these identifiers.

        ``since`` is the smallest order id whose authorizations can still be valid.
        """
        for name in wanted:
            base = name.base
            params = (account, since, base.type, base.value, int(name.is_wildcard), to_seconds(now))
            if not await self._database.fetch(sql.PROVES, *params):
                return False
        return bool(wanted)

    async def proofs(self, order: bytes) -> list[IdentifierProof]:
        """List what each identifier of an order is proved by, in its order."""
        return [rows.proof(row) for row in await self._database.fetch(sql.PROOFS, order)]

    async def failures(self, order: bytes, limit: int = 100) -> list[tuple[Identifier, str]]:
        """List the identifiers of an order that were not proved, with the problem of each as JSON."""
        found = await self._database.fetch(sql.FAILURES, order, limit)
        return [rows.failure(row) for row in found]

    # ------------------------------------------------------------ finalizations under way
    async def lost_claims(self, before: dt.datetime, now: dt.datetime, limit: int) -> list[Claim]:
        """List claims older than ``before`` of orders that have not expired at ``now``."""
        params = (to_seconds(before), to_seconds(now), limit)
        return [rows.claim(row) for row in await self._database.fetch(sql.LOST_CLAIMS, *params)]

    async def lost_claim(self, order: bytes, before: dt.datetime, now: dt.datetime) -> Claim | None:
        """Read the claim of one order if it is older than ``before``."""
        params = (to_seconds(before), to_seconds(now), order)
        found = await self._database.fetch(sql.LOST_CLAIM, *params)
        return rows.claim(found[0]) if found else None

    async def take_over_claim(self, claim: Claim, mine: bytes, now: dt.datetime) -> Claim | None:
        """Make the claim mine; None when another process was faster."""
        gate = Write(sql.TAKE_OVER, (claim.order_id, mine, to_seconds(now), claim.claim))
        if await self._database.decide(gate) is None:
            return None
        return msgspec.structs.replace(claim, claim=mine, tries=claim.tries + 1)

    async def postpone_claim(self, claim: Claim, claimed_at: dt.datetime) -> None:
        """Date the claim as if it had been made then: it counts as lost sooner, or later."""
        params = (claim.order_id, claim.claim, to_seconds(claimed_at))
        await self._database.apply(Write(sql.PUT_OFF, params), durable=False)

    async def complete_order(
        self,
        claim: Claim,
        certificate: bytes,
        issuer: str,
        issued_at: dt.datetime,
        ends_at: dt.datetime,
    ) -> None:
        """Move an order from processing to valid, whichever process holds the claim.

        If a power failure undoes it, the order is carried through again.
        """
        times = (to_seconds(issued_at), to_seconds(ends_at))
        params = (claim.order_id, certificate, issuer, *times)
        await self._database.apply(Write(sql.COMPLETE_ORDER, params), durable=False)

    async def reopen_order(self, order: bytes, claim: bytes, rate: RateUse | None = None) -> None:
        """Move an order from processing back to ready: another CSR may come. It counts for no rate."""
        await self._database.decide(Write(sql.REOPEN_ORDER, (order, claim)), *give_back(rate))

    async def fail_order(self, claim: Claim, problem: bytes, rate: RateUse | None = None) -> None:
        """Move an order from processing to invalid, with a problem document. It counts for no rate."""
        params = (claim.order_id, claim.claim, problem.decode())
        await self._database.decide(Write(sql.FAIL_ORDER, params), *give_back(rate))

    async def is_account_key(self, thumbprint: bytes) -> bool:
        """Tell whether a key is an account's, of any provisioner."""
        return bool(await self._database.fetch(sql.IS_ACCOUNT_KEY, thumbprint))

    # ------------------------------------------------------------ what only ever fails
    async def recent_failures(
        self, account: bytes, since: dt.datetime, now: dt.datetime, limit: int = 1000
    ) -> list[tuple[Identifier, dt.datetime, str]]:
        """List the validations of an account that failed, the last first: what, when, the problem."""
        params = (account, to_seconds(since), to_seconds(now), limit)
        found = await self._database.fetch(sql.RECENT_FAILURES, *params)
        return [(Identifier(r[0], r[1]), read_time(r[2]), str(r[3])) for r in found]

    async def has_proved(self, account: bytes, identifier: Identifier, since: dt.datetime) -> bool:
        """Tell whether an order that was placed since then has the identifier proved."""
        params = (account, ids.floor(since - _OLDEST), identifier.type, identifier.value)
        return bool(await self._database.fetch(sql.HAS_PROVED, *params, to_seconds(since)))

    # ------------------------------------------------------------ replacements (RFC 9773)
    async def is_replaced(self, serial: bytes) -> bool:
        """Tell whether an order has the successor of a certificate, or is about to."""
        return bool(await self._database.fetch(sql.SUCCESSOR, serial))

    async def take_succession(self, serial: bytes, order: bytes) -> bool:
        """Make the certificate of this order the successor; False when another order's is."""
        return await self._database.decide(Write(sql.TAKE_SUCCESSION, (serial, order))) is not None

    # ------------------------------------------------------------ validations under way
    async def lost_attempts(
        self, before: dt.datetime, now: dt.datetime, limit: int
    ) -> list[Attempt]:
        """List attempts older than ``before`` that are still of use at ``now``."""
        params = (to_seconds(before), to_seconds(now), limit)
        return [rows.attempt(row) for row in await self._database.fetch(sql.LOST_ATTEMPTS, *params)]

    async def take_over_attempt(
        self, attempt: Attempt, mine: bytes, now: dt.datetime
    ) -> Attempt | None:
        """Make the attempt mine; None when another process was faster."""
        params = (attempt.order_id, attempt.position, mine, to_seconds(now), attempt.claim)
        if await self._database.decide(Write(sql.RETAKE_ATTEMPT, params)) is None:
            return None
        return msgspec.structs.replace(attempt, claim=mine)

    async def end_attempt(
        self, attempt: Attempt, now: dt.datetime, problem: bytes | None, key: bytes = b""
    ) -> None:
        """Store the result of a validation, valid or a problem document, if the account is unchanged.

        ``key`` is the thumbprint of the key that was proved with the identifier, if one was.

        If a power failure undoes it, the challenge is validated again.
        """
        status = AuthorizationStatus.INVALID if problem else AuthorizationStatus.VALID
        params = (
            attempt.order_id,
            attempt.position,
            attempt.claim,
            status.value,
            None if problem else to_seconds(now),
            problem.decode() if problem else None,
            attempt.thumbprint,
            key or None,
        )
        await self._database.apply(Write(sql.END_ATTEMPT, params), durable=False)

    async def attestation(self, order: bytes) -> Attestation | None:
        """Read what proved the device of an order, whose only identifier it is."""
        found = await self._database.fetch(sql.ATTESTATION, order)
        return Attestation(bytes(found[0][0]), bytes(found[0][1])) if found else None

    async def sweep(self, nonces_before: bytes, ids_before: bytes, limit: int) -> int:
        """Delete up to ``limit`` older nonces, orders and authorizations each."""
        nonces = await self._database.fetch(sql.OLD_NONCES, nonces_before, limit)
        orders = await self._database.fetch(sql.OLD_ORDERS, ids_before, limit)
        others = await self._database.fetch(sql.OLD_AUTHORIZATIONS, ids_before, limit)
        deletions: list[Write] = []
        if nonces:
            deletions.append(Write(sql.DELETE_NONCES, (bytes(nonces[-1][0]),)))
        if orders:
            last = (bytes(orders[-1][0]),)
            tables = (sql.DELETE_SUCCESSORS, sql.DELETE_ORDERS)
            deletions += [Write(each, last) for each in tables]
        if others:
            deletions.append(Write(sql.DELETE_AUTHORIZATIONS, (bytes(others[-1][0]),)))
        if deletions:
            await self._database.apply(*deletions)
        return max(len(nonces), len(orders), len(others))


def _gate_of_account(
    nonce: bytes, account: bytes, admission: Admission, change: Change | None
) -> Write:
    params = (nonce, account, admission.thumbprint)
    bound, is_alone = admission.failures, _is_rated(change)
    if bound is None:
        return Write(sql.USE_NONCE_ALONE if is_alone else sql.USE_NONCE_OF_ACCOUNT, params)
    params = (*params, to_seconds(bound.since), to_seconds(bound.now), bound.most)
    if is_alone:
        return Write(sql.USE_NONCE_UNLESS_FAILING_ALONE, params)
    return Write(sql.USE_NONCE_UNLESS_FAILING, params)


def _is_rated(change: Change | None) -> bool:
    match change:
        case NewOrder():
            return bool(change.rates)
        case BeginFinalize():
            return change.rate is not None
        case _:
            return False
