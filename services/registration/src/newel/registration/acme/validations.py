"""Challenges under validation: many at once, each within a deadline, each result stored once."""

import asyncio
import datetime as dt
import logging
from collections.abc import Mapping
from typing import Protocol

from newel.acme import challenges
from newel.acme.identifiers import Identifier
from newel.registration.acme import ids, responses
from newel.registration.acme.attempts import Attempts
from newel.registration.acme.records import Attempt
from newel.registration.acme.settings import Limits
from newel.registration.audit_trail import AuditTrail, Decision
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_log = logging.getLogger("newel.registration.acme")

_LONGEST_CAUSE = 500
_WORTH_ANOTHER_TRY = frozenset({ErrorType.CONNECTION, ErrorType.DNS, ErrorType.TLS})


class Validator(Protocol):
    """Looks whether one challenge was answered, once."""

    async def __call__(self, identifier: Identifier, token: str, authorization: str) -> None:
        """Raises NewelError with what RFC 8555 §6.7 calls the failure; returns when it was."""
        ...


class Validations:
    """Takes claimed attempts and validates them while ``run`` runs."""

    def __init__(
        self,
        attempts: Attempts,
        validators: Mapping[str, Validator],
        limits: Limits,
        clock: Clock,
        decisions: AuditTrail,
    ) -> None:
        self._attempts = attempts
        self._validators = validators
        self._limits = limits
        self._clock = clock
        self._decisions = decisions
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._under_way = 0
        self._slots = asyncio.Semaphore(limits.concurrent_validations)

    def submit(self, attempt: Attempt) -> bool:
        """Takes an attempt; False when too many wait: ``recover`` finds it again later."""
        if self._under_way >= self._limits.queued_validations:
            return False
        self._under_way += 1
        self._queue.put_nowait(attempt)
        return True

    async def run(self) -> None:
        """Validates what is submitted, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                attempt = await self._queue.get()
                group.create_task(self._one(attempt))

    async def recover(self, limit: int = 100) -> int:
        """Takes over attempts that were left behind by a crash; the number of those found."""
        before = int(self._clock.unix() - self._limits.lost_after / dt.timedelta(seconds=1))
        now = int(self._clock.unix())
        lost = await self._attempts.lost(before, now, limit)
        for attempt in lost:
            if self._under_way >= self._limits.queued_validations:
                break  # it would not be tried, and a try is counted by taking over
            mine = await self._attempts.take_over(attempt, random_bytes(16), now)
            if mine is None:
                continue
            if attempt.tries >= self._limits.validation_tries:
                await self._record(mine, _given_up())
            else:
                self.submit(mine)
        return len(lost)

    async def _one(self, attempt: Attempt) -> None:
        try:
            await self._record(attempt, await self._validate(attempt))
        except Exception:  # noqa: BLE001 - nothing is stored: the attempt is lost and taken up again
            _log.exception("the result of a validation could not be stored")
        finally:
            self._under_way -= 1

    async def _validate(self, attempt: Attempt) -> NewelError | None:
        """None when the challenge is answered, else why not after the last try.

        Whatever goes wrong ends the attempt, so that its client hears of it and nobody can have
        this server try for ever.
        """
        try:
            return await self._try(attempt)
        except Exception as error:  # noqa: BLE001 - what clients and their hosts can cause is endless
            _log.exception("a validation went wrong")
            return NewelError(
                ErrorType.SERVER_INTERNAL,
                "the validation went wrong inside this server; its operator finds the reason in the log",
                cause=f"{type(error).__name__}: {error}"[:_LONGEST_CAUSE],
            )

    async def _try(self, attempt: Attempt) -> NewelError | None:
        validator = self._validators[attempt.challenge]
        authorization = challenges.key_authorization(attempt.token, attempt.thumbprint)
        failure = NewelError(ErrorType.CONNECTION, "the validation took too long")
        try:
            async with asyncio.timeout(self._limits.validation_deadline / dt.timedelta(seconds=1)):
                for pause in (*self._limits.validation_pauses, None):
                    try:
                        async with self._slots:
                            await validator(attempt.identifier, attempt.token, authorization)
                    except NewelError as error:
                        failure = error
                        if pause is None or error.type not in _WORTH_ANOTHER_TRY:
                            break
                        await asyncio.sleep(pause)
                    else:
                        return None
        except TimeoutError:
            pass
        return failure

    async def _record(self, attempt: Attempt, failure: NewelError | None) -> None:
        problem = failure and responses.encode(responses.problem_document(failure))
        await self._attempts.end(attempt, int(self._clock.unix()), problem)
        facts = {
            "authorization": f"{ids.text(attempt.order_id)}.{attempt.position}",
            "challenge": attempt.challenge,
            "identifier": attempt.identifier.value,
            "provisioner": attempt.provisioner,
        }
        if failure:
            self._decisions.write(Decision("acme.challenge", facts, failure))
        else:
            self._decisions.write(Decision("acme.challenge", facts))


def _given_up() -> NewelError:
    return NewelError(
        ErrorType.SERVER_INTERNAL, "the validation was interrupted too often: place a new order"
    )
