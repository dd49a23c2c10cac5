"""Signing a batch of statements: the one way to a key.

For each statement, in order:

1. the key exists and may make statements of this kind;
2. the statement is parsed as the kind it came as;
3. the key's policy is asked;
4. it is signed: on the spot where that takes microseconds, else in a thread;
5. what a device answered is verified, where nobody else would: a faulty RSA signature gives the key
   away, and a status goes out to the public as it is. (The issuing authority verifies every
   certificate before it stores it.)
6. one line is written to the audit trail, for a refusal too; without it nothing leaves;
7. the signature, or the refusal, takes the statement's place in the answer.

One statement's refusal leaves the others of its batch alone.
"""

import asyncio
import datetime as dt
import hashlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from newel.crypto import keys
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.work import ThreadPool
from newel.signer.keys import KeyUnavailableError
from newel.signer.metrics import Metrics
from newel.signer.refusal import malformed, refused, unavailable
from newel.signer.roles import Role, Rule, Statement
from newel.signer.statements import Kind

_log = logging.getLogger(__name__)

_ISSUED = frozenset((Kind.CERTIFICATE, Kind.SSH))

_SHORTEST_SHARE = 0.001
"""Seconds of signing that are worth a thread of their own: waking one costs as much as a quick signature."""

_PACE_FORGETS = 1.02
"""A busy machine makes single measurements too long, so the shortest counts; it grows old slowly."""

LONGEST_ON_THE_LOOP = 64 * 1024
"""Octets of a statement above which parsing and hashing it would hold up everybody else."""


class Request(NamedTuple):
    """What a caller wants signed, and by which key."""

    key: str
    body: bytes


class Outcome(NamedTuple):
    """What became of one request: a signature or a refusal."""

    signature: bytes = b""
    error: NewelError | None = None
    identity: str = ""  # of the statement, as far as it could be read


class Signer:
    """The keys of this process and the rules they are used by."""

    def __init__(self, roles: Iterable[Role], clock: Clock, audit: Audit, metrics: Metrics) -> None:
        self._roles = {role.name: role for role in roles}
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        self._pace: dict[
            str, float
        ] = {}  # seconds a statement takes each key when nothing disturbs it
        lanes = sum(role.key.lanes for role in self._roles.values())
        self._threads = ThreadPool(lanes + 1, "signer")

    @property
    def roles(self) -> Mapping[str, Role]:
        """The keys by name."""
        return self._roles

    def adopt(self, role: Role) -> None:
        """Puts a role in the place of the one of its name: the same key with a new certificate."""
        self._roles[role.name] = role

    async def sign(self, kind: Kind, requests: Sequence[Request], caller: str) -> list[Outcome]:
        """One outcome for each request, in order. While the audit trail cannot be written certificates
        are refused; statuses, revocations among them, go on as long as there is room for their lines.
        """
        if kind in _ISSUED:
            try:
                self._audit.require_writable()
            except NewelError as refusal:
                for request in requests:
                    self._record(kind, request, Outcome(error=refusal), caller)
                return [Outcome(error=refusal)] * len(requests)
        now = self._clock.now()
        outcomes: dict[int, Outcome] = {}
        slow: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            role = self._roles.get(request.key)
            if role and (role.key.lanes or len(request.body) > LONGEST_ON_THE_LOOP):
                slow.setdefault(role.name, []).append(index)
            else:
                outcomes[index] = self._decide(kind, request, now)
        if slow:
            for done in await self._decide_in_threads(kind, requests, slow, now):
                outcomes.update(done)
        answers = [outcomes[index] for index in range(len(requests))]
        for request, outcome in zip(requests, answers, strict=True):
            self._record(kind, request, outcome, caller)
        return answers

    async def _decide_in_threads(
        self,
        kind: Kind,
        requests: Sequence[Request],
        slow: Mapping[str, list[int]],
        now: dt.datetime,
    ) -> list[dict[int, Outcome]]:
        """Each key's statements dealt out to its lanes, or to fewer where the key is quick."""

        def work(name: str, indices: Sequence[int]) -> dict[int, Outcome]:
            began = time.perf_counter()
            done = {index: self._decide(kind, requests[index], now) for index in indices}
            seen = (time.perf_counter() - began) / len(indices)
            self._pace[name] = min(seen, self._pace.get(name, seen) * _PACE_FORGETS)
            return done

        return await asyncio.gather(
            *(
                self._threads.submit(work, name, indices[lane::lanes])
                for name, indices in slow.items()
                for lanes in (self._lanes(name, len(indices)),)
                for lane in range(lanes)
            )
        )

    def _lanes(self, name: str, count: int) -> int:
        """How many threads to use for so many statements of one key."""
        worth = count * self._pace.get(name, _SHORTEST_SHARE) / _SHORTEST_SHARE
        return max(1, min(self._roles[name].key.lanes, count, int(worth)))

    def _decide(self, kind: Kind, request: Request, now: dt.datetime) -> Outcome:
        """Steps 1 to 5 of one statement. Runs on the loop or in a thread."""
        identity = ""
        try:
            role, rule = self._find(kind, request)
            statement = _parse(rule, request)
            identity = statement.identity
            _check(rule, statement, now)
            signature = _sign(role, kind, request.body)
            return Outcome(rule.dress(signature) if rule.dress else signature, None, identity)
        except NewelError as error:
            return Outcome(error=error, identity=identity)
        except KeyUnavailableError as error:
            return Outcome(error=unavailable(str(error)), identity=identity)
        except Exception as error:  # noqa: BLE001 - one statement never harms the others of its batch
            _log.exception("an unexpected error over a statement for the key %s", request.key[:64])
            return Outcome(error=unavailable(_describe(error)), identity=identity)

    def _find(self, kind: Kind, request: Request) -> tuple[Role, Rule]:
        role = self._roles.get(request.key)
        if role is None:
            raise NewelError(ErrorType.NOT_FOUND, "the signer has no such key")
        rule = role.rules.get(kind)
        if rule is None:
            raise refused(f"the key may not sign statements of the kind {kind.value}")
        return role, rule

    def _record(self, kind: Kind, request: Request, outcome: Outcome, caller: str) -> None:
        error = outcome.error
        known = request.key if request.key in self._roles else ""
        self._audit.record(
            "sign",
            "refused" if error else "granted",
            key=known or request.key[:64],
            statement=kind.value,
            subject=outcome.identity[:512],
            digest=hashlib.sha256(request.body).hexdigest(),
            caller=caller,
            **({"cause": error.cause} if error else {}),
        )
        self._metrics.signed(known, kind.value, error.type.value if error else "")

    def close(self) -> None:
        """Lets the threads finish and the keys go."""
        self._threads.close()
        for role in self._roles.values():
            role.key.close()


def _sign(role: Role, kind: Kind, body: bytes) -> bytes:
    key = role.key
    signature = key.sign(body)
    if key.hardware and (
        kind is not Kind.CERTIFICATE or isinstance(key.public_key, rsa.RSAPublicKey)
    ):
        try:
            keys.verify(key.public_key, signature, body)
        except InvalidSignature:
            raise KeyUnavailableError("the device made a signature that does not verify") from None
    return signature


def _parse(rule: Rule, request: Request) -> Statement:
    """The statement. Raises :class:`NewelError`, whatever the library thinks of."""
    try:
        return rule.parse(request.body)
    except NewelError:
        raise
    except Exception as error:  # noqa: BLE001 - one statement never harms the others of its batch
        _log.exception("a statement for the key %s cannot be read", request.key[:64])
        raise malformed(_describe(error)) from None


def _check(rule: Rule, statement: Statement, now: dt.datetime) -> None:
    """Hold the statement against the key's policy; a policy that fails refuses."""
    try:
        rule.check(statement, now)
    except NewelError:
        raise
    except Exception as error:  # noqa: BLE001 - one statement never harms the others of its batch
        _log.exception("the statement %s cannot be judged", statement.identity[:64])
        raise refused(_describe(error)) from None


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
