"""One token: the login, a bounded pool of sessions, and the way back when the token was away.

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

from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.pkcs11.module import Module, module

Result = TypeVar("Result")

_LONGEST_WAIT = 10.0
_PIN_REFUSED = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
)


@dataclass(eq=False)
class OpenSession:
    """A session, the start of the library it belongs to, and what its user looked up in it."""

    session: pkcs11.Session
    generation: int
    found: dict[object, pkcs11.PrivateKey] = field(default_factory=dict[object, pkcs11.PrivateKey])


class Token:
    """A token that is logged in to. Thread-safe; every failure of it is :class:`KeyUnavailableError`."""

    def __init__(self, library: Module, label: str, pin_file: Path, sessions: int) -> None:
        self._library = library
        self._label = label
        self._pin_file = pin_file
        self.sessions = sessions
        self._free = threading.BoundedSemaphore(sessions)
        self._idle: list[OpenSession] = []
        self._login_lock = threading.Lock()
        self._login: OpenSession | None = None
        self._refused: str | None = None

    def use(self, operation: Callable[[OpenSession], Result]) -> Result:
        """What ``operation`` makes of a session.

        When the token fails, it is tried once more in a new session, and once more after the library was
        started again. ``operation`` must therefore bear repetition, as a signature does.
        """
        problem: pkcs11.PKCS11Error | None = None
        for remedy in (None, self._drop_idle, self._library.restart):
            generation = self._library.generation
            if remedy:
                remedy(generation)
            try:
                with self._library.entered(), self._borrowed(rw=False) as opened:
                    return operation(opened)
            except pkcs11.PKCS11Error as error:
                problem = error
        raise KeyUnavailableError(
            f"the token {self._label!r} fails: {_words(problem)}"
        ) from problem

    def write(self, operation: Callable[[OpenSession], Result]) -> Result:
        """The same once, in a session that may make objects: for the ceremony."""
        try:
            with self._library.entered(), self._borrowed(rw=True) as opened:
                return operation(opened)
        except pkcs11.PKCS11Error as error:
            raise KeyUnavailableError(
                f"the token {self._label!r} fails: {_words(error)}"
            ) from error

    def close(self) -> None:
        """Closes every session that nobody is using, the login's last."""
        with self._library.entered():
            self._drop_idle(self._library.generation)
            with self._login_lock:
                login, self._login = self._login, None
            if login and login.generation == self._library.generation:
                with suppress(pkcs11.PKCS11Error):
                    login.session.close()

    @contextmanager
    def _borrowed(self, *, rw: bool) -> Generator[OpenSession]:
        if not self._free.acquire(timeout=_LONGEST_WAIT):
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
                # Three wrong PINs lock a token for good: never offer a refused one again
                raise KeyUnavailableError(self._refused)
            if self._login and self._login.generation == self._library.generation:
                return
            from newel.runtime.config import read_secret  # slow, and not for those who have the PIN

            pin = read_secret(self._pin_file)
            token = self._library.find_token(self._label)
            try:
                session = token.open(user_pin=pin)
            except pkcs11.UserAlreadyLoggedIn:
                session = token.open()
            except _PIN_REFUSED as error:
                self._refused = f"the token {self._label!r} refuses the PIN: {_words(error)}"
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


def _words(error: Exception | None) -> str:
    """The name of a PKCS #11 error, which carries no message of its own."""
    return f"{type(error).__name__} {error}".strip()


@cache
def open_token(library: Path, label: str, pin_file: Path, sessions: int) -> Token:
    """The token with this label in this library, one and the same for all of its keys.

    Raises :class:`KeyUnavailableError`. Nothing is asked of the token before its first use.
    """
    return Token(module(str(library)), label, pin_file, sessions)
