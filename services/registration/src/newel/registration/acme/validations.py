"""Challenges under validation: many at once, each within a deadline, each result stored once."""

import asyncio
import datetime as dt
import logging
from collections.abc import Mapping
from typing import NamedTuple

from newel.acme import challenges
from newel.registration.acme import ids, responses
from newel.registration.acme.caa_checks import CAAChecks
from newel.registration.acme.config import Limits
from newel.registration.acme.records import Attempt
from newel.registration.acme.storage import Storage
from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.challenges.validation import Validation, Validator
from newel.registration.provisioners.acme import ACMEProvisioners
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_log = logging.getLogger("newel.registration.acme")

_MAX_CAUSE = 500
_RETRIED = frozenset({ErrorType.CONNECTION, ErrorType.DNS, ErrorType.TLS})


class Outcome(NamedTuple):
    """How an attempt ended: None and the key that was proved, if one was; or the error of the last try."""

    failure: NewelError | None
    key: bytes = b""


class Validations:
    """Validates claimed attempts while ``run`` runs."""

    def __init__(
        self,
        storage: Storage,
        validators: Mapping[str, Validator],
        provisioners: ACMEProvisioners,
        limits: Limits,
        clock: Clock,
        audit_trail: AuditTrail,
        caa_checks: CAAChecks,
    ) -> None:
        self._storage = storage
        self._validators = validators
        self._provisioners = provisioners
        self._limits = limits
        self._clock = clock
        self._audit_trail = audit_trail
        self._caa_checks = caa_checks
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._pending = 0
        self._slots = asyncio.Semaphore(limits.concurrent_validations)

    def submit(self, attempt: Attempt) -> bool:
        """Queue an attempt; False when too many wait: ``recover`` finds it again later."""
        if self._pending >= self._limits.queued_validations:
            return False
        self._pending += 1
        self._queue.put_nowait(attempt)
        return True

    async def run(self) -> None:
        """Validate submitted attempts until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                attempt = await self._queue.get()
                group.create_task(self._process(attempt))

    async def recover(self, limit: int = 100) -> int:
        """Take over attempts that a crash left behind, and return how many were found."""
        now = self._clock.now()
        lost = await self._storage.lost_attempts(now - self._limits.lost_after, now, limit)
        for attempt in lost:
            if self._pending >= self._limits.queued_validations:
                break  # taking over counts as a try, and this one would not be made
            mine = await self._storage.take_over_attempt(attempt, random_bytes(16), now)
            if mine is None:
                continue
            if attempt.tries >= self._limits.validation_tries:
                await self._record(mine, Outcome(_interruption_error()))
            else:
                self.submit(mine)
        return len(lost)

    async def _process(self, attempt: Attempt) -> None:
        try:
            await self._record(attempt, await self._validate(attempt))
        except Exception:  # noqa: BLE001 - nothing is stored: the attempt is lost and taken up again
            _log.exception("the result of a validation could not be stored")
        finally:
            self._pending -= 1

    async def _validate(self, attempt: Attempt) -> Outcome:
        """Try until the challenge is fulfilled, or cannot be.

        Any failure ends the attempt, so that its client learns of it and the server does not retry
        forever.
        """
        try:
            return await self._try(attempt)
        except Exception as error:  # noqa: BLE001 - whatever a client's host causes is its failure
            _log.exception("a validation went wrong")
            return Outcome(
                NewelError(
                    ErrorType.SERVER_INTERNAL,
                    "the validation went wrong inside this server;"
                    " its operator finds the reason in the log",
                    cause=f"{type(error).__name__}: {error}"[:_MAX_CAUSE],
                )
            )

    async def _try(self, attempt: Attempt) -> Outcome:
        provisioner = self._provisioners(attempt.provisioner)
        if provisioner is None:
            return Outcome(_disabled_error())
        validator = self._validators[attempt.challenge]
        validation = Validation(
            attempt.identifier,
            attempt.token,
            challenges.key_authorization(attempt.token, attempt.thumbprint),
            provisioner,
            attempt.payload,
            attempt.wildcard,
        )
        seconds = self._limits.validation_deadline / dt.timedelta(seconds=1)
        room = self._limits.lost_after / dt.timedelta(seconds=1) - seconds
        failure, begun = _busy_error(), False
        try:
            # The time that it waits for room is not its own; who waits longer than this is taken over.
            async with asyncio.timeout(room) as limit:
                for pause in (*self._limits.validation_pauses, None):
                    try:
                        async with self._slots:
                            if not begun:
                                begun, failure = True, _slow_error()
                                limit.reschedule(asyncio.get_running_loop().time() + seconds)
                            key = await validator(validation)
                            await self._caa_checks.check_attempt(attempt, provisioner)
                            return Outcome(None, key)
                    except NewelError as error:
                        failure = error
                        if pause is None or error.type not in _RETRIED:
                            break
                        await asyncio.sleep(pause)
        except TimeoutError:
            pass
        return Outcome(failure)

    async def _record(self, attempt: Attempt, outcome: Outcome) -> None:
        failure, key = outcome
        problem = failure and responses.encode_problem(failure)
        await self._storage.end_attempt(attempt, self._clock.now(), problem, key)
        facts = {
            "authorization": ids.name_authorization(attempt.order_id, attempt.position),
            "challenge": attempt.challenge,
            "identifier": attempt.identifier.value,
            "provisioner": attempt.provisioner,
        }
        self._audit_trail.write(Decision("acme.challenge", facts, failure))


def _busy_error() -> NewelError:
    return NewelError(
        ErrorType.SERVER_INTERNAL,
        "this server had too many other validations to make: place a new order later",
    )


def _slow_error() -> NewelError:
    return NewelError(ErrorType.CONNECTION, "the validation took too long")


def _disabled_error() -> NewelError:
    return NewelError(ErrorType.UNAUTHORIZED, "the provisioner does not issue any more")


def _interruption_error() -> NewelError:
    return NewelError(
        ErrorType.SERVER_INTERNAL, "the validation was interrupted too often: place a new order"
    )
