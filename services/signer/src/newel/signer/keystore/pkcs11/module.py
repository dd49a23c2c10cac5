"""One PKCS #11 library, initialised for threads, and restarted when its token was lost.

A library has one state for the whole process (PKCS #11 v3.1 §5.4), so there is one
:class:`Module` per path. A restart waits for the calls into it to return.
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
_MAX_WAIT = 10.0


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
    """The library, initialised for use by threads.

    python-pkcs11 passes no arguments to C_Initialize, by which a caller promises to use one thread only:
    SoftHSM then takes no locks and two threads crash it.
    """

    def initialize(self) -> None:
        """Call C_Initialize with CKF_OS_LOCKING_OK; an initialised library is fine."""
        arguments = _InitializeArgs(flags=_CKF_OS_LOCKING_OK)
        code = _entry(self.so, "C_Initialize")(ctypes.byref(arguments))
        if code not in {_CKR_OK, _CKR_ALREADY_INITIALIZED}:
            raise KeyUnavailableError(f"the PKCS #11 library cannot be initialised: 0x{code:x}")

    def finalize(self) -> None:
        """Call C_Finalize; a library that is not initialised is fine."""
        _entry(self.so, "C_Finalize")(None)


def _entry(path: str, name: str) -> Any:
    function = getattr(ctypes.CDLL(path), name)
    function.argtypes = [ctypes.c_void_p]
    function.restype = ctypes.c_ulong
    return function


class Module:
    """A started library. ``generation`` counts the starts: objects of an older one are invalid."""

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
            raise KeyUnavailableError(f"the PKCS #11 library cannot be loaded: {error}") from error

    @contextmanager
    def enter(self) -> Generator[None]:
        """Keep the library running during a call."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._restarting, _MAX_WAIT):
                raise KeyUnavailableError("the PKCS #11 library is being restarted")
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def find_token(self, label: str) -> pkcs11.Token:
        """Find the token with this label among those the library saw when it started.

        Raises ``pkcs11.PKCS11Error``.
        """
        return self._library.get_token(token_label=label)

    def restart(self, generation: int) -> None:
        """Restart the library, unless another thread has done so since ``generation``.

        Many libraries read their slots only when they start, so a restart finds a token that was
        missing. It happens at most once a second.
        """
        with self._changed:
            recent = time.monotonic() - self._restarted_at < _PAUSE_BETWEEN_RESTARTS
            if self.generation != generation or self._restarting or recent:
                return
            self._restarting = True
            # A call that never returns must not block every other key.
            is_idle = self._changed.wait_for(lambda: not self._inside, _MAX_WAIT)
        try:
            if is_idle:
                self._library.finalize()
                self._library.initialize()
        finally:
            with self._changed:
                self._restarting = False
                self._restarted_at = time.monotonic()
                self.generation += is_idle
                self._changed.notify_all()


@cache
def module(path: str) -> Module:
    """Return the only module of this library in this process."""
    return Module(path)
