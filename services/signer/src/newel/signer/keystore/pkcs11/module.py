"""One PKCS #11 library, initialised for threads, and started again when its token was lost.

A library has one state for the whole process (PKCS #11 v3.1 §5.4), so there is one
:class:`Module` per path. Calls into it hold the module open; a restart waits for them to leave.
"""

import ctypes
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pkcs11
from pkcs11 import _pkcs11

from newel.signer.keys import KeyUnavailableError

_CKF_OS_LOCKING_OK = 0x2
_CKR_OK = 0x0
_CKR_ALREADY_INITIALIZED = 0x191
_PAUSE_BETWEEN_RESTARTS = 1.0
_LONGEST_WAIT = 10.0


class _InitializeArgs(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS (PKCS #11 v3.1 §3.7)."""

    _fields_ = (
        ("create_mutex", ctypes.c_void_p),
        ("destroy_mutex", ctypes.c_void_p),
        ("lock_mutex", ctypes.c_void_p),
        ("unlock_mutex", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class _ThreadedLibrary(_pkcs11.lib):
    """The library, told that threads use it.

    python-pkcs11 passes no arguments to C_Initialize, by which a caller promises to use one thread only:
    SoftHSM then takes no locks and two threads crash it.
    """

    def initialize(self) -> None:
        """C_Initialize with CKF_OS_LOCKING_OK; a library that somebody initialised before is fine."""
        arguments = _InitializeArgs(flags=_CKF_OS_LOCKING_OK)
        code = _entry(self.so, "C_Initialize")(ctypes.byref(arguments))
        if code not in {_CKR_OK, _CKR_ALREADY_INITIALIZED}:
            raise KeyUnavailableError(f"the PKCS #11 library does not start: 0x{code:x}")

    def finalize(self) -> None:
        """C_Finalize; a library that is not initialised is fine."""
        _entry(self.so, "C_Finalize")(None)


def _entry(path: str, name: str) -> Any:
    function = getattr(ctypes.CDLL(path), name)
    function.argtypes = [ctypes.c_void_p]
    function.restype = ctypes.c_ulong
    return function


class Module:
    """A started library. ``generation`` counts the starts: what was opened in an older one is void."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.generation = 1
        self._inside = 0
        self._changed = threading.Condition()
        self._restarting = False
        self._restarted_at = float("-inf")
        try:
            self._library = _ThreadedLibrary(path)
        except pkcs11.PKCS11Error as error:
            raise KeyUnavailableError(f"the PKCS #11 library does not load: {error}") from error

    @contextmanager
    def entered(self) -> Generator[None]:
        """Keeps the library running while a thread is in it."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._restarting, _LONGEST_WAIT):
                raise KeyUnavailableError("the PKCS #11 library is being restarted")
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def find_token(self, label: str) -> pkcs11.Token:
        """The one token with this label, among those the library saw when it started.

        Raises ``pkcs11.PKCS11Error``.
        """
        return self._library.get_token(token_label=label)

    def restart(self, generation: int) -> None:
        """Starts the library anew, unless another thread has done so since ``generation``.

        Many libraries look at their slots when they start and never again, so this is how a token that
        was away is found. At most once a second: callers who come sooner go on with what there is.
        """
        with self._changed:
            recent = time.monotonic() - self._restarted_at < _PAUSE_BETWEEN_RESTARTS
            if self.generation != generation or self._restarting or recent:
                return
            self._restarting = True
            # A call that never comes back must not hold every other key for ever.
            left = self._changed.wait_for(lambda: not self._inside, _LONGEST_WAIT)
        try:
            if left:
                self._library.finalize()
                self._library.initialize()
        finally:
            with self._changed:
                self._restarting = False
                self._restarted_at = time.monotonic()
                self.generation += left
                self._changed.notify_all()


@cache
def module(path: str) -> Module:
    """The module of this library, the same for everybody in this process."""
    return Module(path)
