"""One token: the login, a bounded pool of sessions, and recovery when the token was missing.

The login belongs to the process and not to a session (PKCS #11 v3.1 §5.6.8): one session is kept
open to hold it, and the pool's sessions need no PIN. A session serves one thread at a time.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

import pkcs11
from pydantic import SecretStr

from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.pkcs11.module import Module, module

Result = TypeVar("Result")

_MAX_WAIT = 10.0
_PIN_REFUSED = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
)


@dataclass(eq=False)
class OpenSession:
    """A session, the generation of the library it belongs to, and the keys found in it."""

    session: pkcs11.Session
    generation: int
    found: dict[object, pkcs11.PrivateKey] = field(default_factory=dict[object, pkcs11.PrivateKey])


class Token:
    """A token with a login. Thread-safe; every failure is a :class:`KeyUnavailableError`."""

    def __init__(self, library: Module, label: str, pin: Path | SecretStr, sessions: int) -> None:
        self._library = library
        self._label = label
        self._pin = pin
        self.sessions = sessions
        self._free = threading.BoundedSemaphore(sessions)
        self._idle: list[OpenSession] = []
        self._login_lock = threading.Lock()
        self._login: OpenSession | None = None
        self._refused: str | None = None

    def use(self, operation: Callable[[OpenSession], Result]) -> Result:
        """Run ``operation`` with a session and return its result.

        If the token fails, the operation is repeated in a new session, and again after a restart of the
        library. ``operation`` must therefore be repeatable, as a signature is.
        """
        problem: pkcs11.PKCS11Error | None = None
        for remedy in (None, self._drop_idle, self._library.restart):
            generation = self._library.generation
            if remedy:
                remedy(generation)
            try:
                with self._library.enter(), self._session(rw=False) as opened:
                    return operation(opened)
            except pkcs11.PKCS11Error as error:
                problem = error
        raise KeyUnavailableError(
            f"the token {self._label!r} fails: {_describe(problem)}"
        ) from problem

    def write(self, operation: Callable[[OpenSession], Result]) -> Result:
        """Run ``operation`` once in a session that may create objects, for the ceremony."""
        try:
            with self._library.enter(), self._session(rw=True) as opened:
                return operation(opened)
        except pkcs11.PKCS11Error as error:
            raise KeyUnavailableError(
                f"the token {self._label!r} fails: {_describe(error)}"
            ) from error

    def close(self) -> None:
        """Close every idle session, the login's last."""
        with self._library.enter():
            self._drop_idle(self._library.generation)
            with self._login_lock:
                login, self._login = self._login, None
            if login and login.generation == self._library.generation:
                with suppress(pkcs11.PKCS11Error):
                    login.session.close()

    @contextmanager
    def _session(self, *, rw: bool) -> Generator[OpenSession]:
        if not self._free.acquire(timeout=_MAX_WAIT):
            raise KeyUnavailableError(f"every session of the token {self._label!r} is busy")
        try:
            opened = self._open(rw=True) if rw else self._idle_or_new()
            try:
                yield opened
            except BaseException:
                self._discard(opened)
                raise
            if rw:
                self._discard(opened)
            else:
                self._idle.append(opened)
        finally:
            self._free.release()

    def _idle_or_new(self) -> OpenSession:
        while self._idle:
            opened = self._idle.pop()
            if opened.generation == self._library.generation:
                return opened
        return self._open(rw=False)

    def _open(self, *, rw: bool) -> OpenSession:
        self._ensure_login()
        token = self._library.find_token(self._label)
        return OpenSession(token.open(rw=rw), self._library.generation)

    def _ensure_login(self) -> None:
        with self._login_lock:
            if self._refused:
                # Three wrong PINs lock a token permanently: never try a refused one again
                raise KeyUnavailableError(self._refused)
            if self._login and self._login.generation == self._library.generation:
                return
            pin = _read_pin(self._pin)
            token = self._library.find_token(self._label)
            try:
                session = token.open(user_pin=pin)
            except pkcs11.UserAlreadyLoggedIn:
                session = token.open()
            except _PIN_REFUSED as error:
                self._refused = f"the token {self._label!r} refuses the PIN: {_describe(error)}"
                raise KeyUnavailableError(self._refused) from None
            self._login = OpenSession(session, self._library.generation)

    def _drop_idle(self, _generation: int) -> None:
        idle, self._idle = self._idle, []
        for opened in idle:
            self._discard(opened)

    def _discard(self, opened: OpenSession) -> None:
        if opened.generation == self._library.generation:
            with suppress(pkcs11.PKCS11Error):
                opened.session.close()


def _describe(error: Exception | None) -> str:
    """Describe a PKCS #11 error, which has no message, by its name."""
    return f"{type(error).__name__} {error}".strip()


@cache
def open_token(library: Path, label: str, pin: Path | SecretStr, sessions: int) -> Token:
    """Return the token with this label in this library, the same object for all of its keys.

    ``pin`` is the user PIN, or the file that has it. The token is not contacted before its first use.
    Raises :class:`KeyUnavailableError`.
    """
    return Token(module(str(library)), label, pin, sessions)


def _read_pin(pin: Path | SecretStr) -> str:
    from newel.runtime.config import read_secret  # slow to import

    return read_secret(pin) if isinstance(pin, Path) else pin.get_secret_value()
