"""Signing a batch of statements: the only path to a key.

For each statement, in order:

1. the key exists and may sign statements of this kind;
2. the statement is parsed as the kind it was sent as;
3. the policy of the key is checked;
4. it is signed, on the event loop where that takes microseconds, else in a thread;
5. the signature of a device is verified where the caller would not do it: a faulty RSA signature
   reveals the key, and a status is published as it is. (The issuing authority verifies every
   certificate before it stores it.)
6. one line is written to the audit trail, for a refusal too; without it nothing is returned;
7. the signature or the error takes the place of the statement in the answer.

An error in one statement does not affect the others of its batch.
"""

import asyncio
import datetime as dt
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from newel.crypto import keys
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.work import ThreadPool
from newel.signer.errors import malformed_error, policy_error, unavailable_error
from newel.signer.keys import KeyUnavailableError
from newel.signer.metrics import Metrics
from newel.signer.roles import Role, Rule, Statement
from newel.signer.statements import Kind

_log = logging.getLogger(__name__)

_ISSUED = frozenset((Kind.CERTIFICATE, Kind.SSH))

MAX_SIZE_ON_LOOP = 64 * 1024
"""Octets of a statement above which parsing and hashing it would delay all other requests."""


class Request(NamedTuple):
    """A statement to sign, and the key to sign it with."""

    key: str
    body: bytes


class Outcome(NamedTuple):
    """The decision on one request: a signature or an error."""

    signature: bytes = b""
    error: NewelError | None = None
    identity: str = ""  # of the statement, as far as it could be parsed


class Signer:
    """The keys of this process and the rules they are used by."""

    def __init__(self, roles: Iterable[Role], clock: Clock, audit: Audit, metrics: Metrics) -> None:
        self._roles = {role.name: role for role in roles}
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        concurrency = sum(role.key.concurrency for role in self._roles.values())
        self._threads = ThreadPool(concurrency + 1, "signer")

    @property
    def roles(self) -> Mapping[str, Role]:
        """The keys by name."""
        return self._roles

    def replace_role(self, role: Role) -> None:
        """Replace the role of the same name: the same key with a new certificate."""
        self._roles[role.name] = role

    async def sign(self, kind: Kind, requests: Sequence[Request], caller: str) -> list[Outcome]:
        """Decide every request, in order, and record each decision.

        While the audit trail cannot be written, certificates are refused; statuses, revocations among
        them, are signed as long as there is space for their lines.
        """
        outcomes = await self._decide_all(kind, requests)
        for request, outcome in zip(requests, outcomes, strict=True):
            self._record(kind, request, outcome, caller)
        return outcomes

    async def _decide_all(self, kind: Kind, requests: Sequence[Request]) -> list[Outcome]:
        if kind in _ISSUED:
            try:
                self._audit.require_writable()
            except NewelError as error:
                return [Outcome(error=error)] * len(requests)
        now = self._clock.now()
        outcomes: dict[int, Outcome] = {}
        slow: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            role = self._roles.get(request.key)
            if role and (role.key.concurrency or len(request.body) > MAX_SIZE_ON_LOOP):
                slow.setdefault(role.name, []).append(index)
            else:
                outcomes[index] = self._decide(kind, request, now)
        if slow:
            for part in await self._decide_in_threads(kind, requests, slow, now):
                outcomes.update(part)
        return [outcomes[index] for index in range(len(requests))]

    async def _decide_in_threads(
        self,
        kind: Kind,
        requests: Sequence[Request],
        slow: Mapping[str, list[int]],
        now: dt.datetime,
    ) -> list[dict[int, Outcome]]:
        """Distribute the statements of each key over as many threads as the key can use."""

        def decide(indices: Sequence[int]) -> dict[int, Outcome]:
            return {index: self._decide(kind, requests[index], now) for index in indices}

        return await asyncio.gather(
            *(
                self._threads.submit(decide, indices[first::count])
                for name, indices in slow.items()
                for count in (max(1, min(self._roles[name].key.concurrency, len(indices))),)
                for first in range(count)
            )
        )

    def _decide(self, kind: Kind, request: Request, now: dt.datetime) -> Outcome:
        """Take steps 1 to 5 for one statement, on the event loop or in a thread."""
        identity = ""
        try:
            role, rule = self._find(kind, request)
            statement = _parse(rule, request)
            identity = statement.identity
            _check(rule, statement, now)
            signature = _sign(role, kind, rule.frame(request.body) if rule.frame else request.body)
            encode = rule.encode_signature
            return Outcome(encode(signature) if encode else signature, None, identity)
        except NewelError as error:
            return Outcome(error=error, identity=identity)
        except KeyUnavailableError as error:
            return Outcome(error=unavailable_error(str(error)), identity=identity)
        except Exception as error:  # noqa: BLE001 - a statement does not affect the others of its batch
            _log.exception("unexpected error while signing with the key %s", request.key[:64])
            return Outcome(error=unavailable_error(_describe_error(error)), identity=identity)

    def _find(self, kind: Kind, request: Request) -> tuple[Role, Rule]:
        role = self._roles.get(request.key)
        if role is None:
            raise NewelError(ErrorType.NOT_FOUND, "the signer has no such key")
        rule = role.rules.get(kind)
        if rule is None:
            raise policy_error(f"the key may not sign statements of the kind {kind.value}")
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
        self._metrics.count_statement(known, kind.value, error.type.value if error else "")

    def close(self) -> None:
        """Wait for the threads and close the keys."""
        self._threads.close()
        for role in self._roles.values():
            role.key.close()


def _sign(role: Role, kind: Kind, body: bytes) -> bytes:
    key = role.key
    signature = key.sign(body)
    if key.needs_verification and (
        kind is not Kind.CERTIFICATE or isinstance(key.public_key, rsa.RSAPublicKey)
    ):
        try:
            keys.verify(key.public_key, signature, body)
        except InvalidSignature:
            raise KeyUnavailableError("the device made a signature that does not verify") from None
    return signature


def _parse(rule: Rule, request: Request) -> Statement:
    """Parse a statement. Raises :class:`NewelError` for every failure of the library."""
    try:
        return rule.parse(request.body)
    except NewelError:
        raise
    except Exception as error:  # noqa: BLE001 - a statement does not affect the others of its batch
        _log.exception("a statement for the key %s cannot be parsed", request.key[:64])
        raise malformed_error(_describe_error(error)) from None


def _check(rule: Rule, statement: Statement, now: dt.datetime) -> None:
    """Check a statement against the policy of the key; a failing policy refuses it."""
    try:
        rule.check(statement, now)
    except NewelError:
        raise
    except Exception as error:  # noqa: BLE001 - a statement does not affect the others of its batch
        _log.exception("the policy failed on the statement %s", statement.identity[:64])
        raise policy_error(_describe_error(error)) from None


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
