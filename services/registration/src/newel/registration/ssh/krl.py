"""The key revocation list as it is served over HTTPS here: the validation authority's, once it verifies.

The way to the validation authority may be a plain one: nothing is served that is not signed by a key of
this authority, and never a list that is older than one that was served before.
"""

import asyncio
import hashlib
import logging
import time
from typing import NamedTuple

from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.wire import WireError
from newel.registration.ssh.keys import SSHKeys
from newel.runtime.egress import EgressError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient
from newel.runtime.outages import Outage
from newel.runtime.work import run_in_thread

FRESH = 0.5
"""Seconds for which what was found counts, so that many hosts cost the validation authority little."""
MAX_LIST = 64 << 20
"""Octets of a list: eight million serial numbers."""

_OK, _NOT_MODIFIED, _NOT_FOUND = 200, 304, 404
_log = logging.getLogger("newel.registration.ssh.krl")


class SignedList(NamedTuple):
    """One list, whose signature verifies."""

    version: int
    octets: bytes
    signature: bytes
    """A file for ``ssh-keygen -Y verify``."""
    etag: bytes
    """The strong entity tag of the list, as the validation authority makes it."""


class KRLMirror:
    """The newest list, fetched when a request asks for it here."""

    def __init__(
        self, url: str, client: OutgoingClient, keys: SSHKeys, fresh: float = FRESH
    ) -> None:
        """``url`` is that of the list; its signature is beside it, at ``.sig``."""
        self._url = url
        self._client = client
        self._keys = keys
        self._lock = asyncio.Lock()
        self._outage = Outage(_log, "fetching the key revocation list")
        self._found: SignedList | None = None
        self._fault: NewelError | None = None
        self._fresh = fresh
        self._asked_at = -fresh

    async def get(self) -> SignedList:
        """Return the list as the validation authority has it now; requests at once share one question.

        Raises ``not found`` where there is none or it is not signed, and ``unavailable`` while the
        validation authority cannot be asked, although an older list is there: a host that is given it
        would take it for the present one.
        """
        async with self._lock:
            if time.monotonic() >= self._asked_at + self._fresh:
                await self._ask()
        if self._fault is not None:
            raise NewelError(self._fault.type, self._fault.detail, cause=self._fault.cause)
        if self._found is None:
            raise AssertionError("there is a list or a fault")
        return self._found

    async def _ask(self) -> None:
        try:
            try:
                self._found = await self._fetch()
            except WireError:  # the list may have been replaced between the two questions
                self._found = await self._fetch()
            self._fault = None
        except NewelError as error:
            self._fault = error
        except (EgressError, WireError) as error:
            self._fault = _unavailable_error(str(error))
        if self._fault is not None and self._fault.type is ErrorType.UNAVAILABLE:
            self._outage.note_failure(self._fault)
        else:
            self._outage.note_recovery()
        self._asked_at = time.monotonic()

    async def _fetch(self) -> SignedList:
        """Return the list that there is now. Raises NewelError, EgressError or WireError."""
        known = self._found
        headers = {} if known is None else {"If-None-Match": known.etag.decode()}
        response = await self._client.get(self._url, headers)
        if response.status == _NOT_MODIFIED and known is not None:
            return known
        octets = _require("the key revocation list", response.status, response.body)
        response = await self._client.get(f"{self._url}.sig")
        signature = _require("its signature", response.status, response.body)
        found = await run_in_thread(_verify, octets, signature, self._keys)
        # a replica of the validation authority may be behind another for a second
        return found if known is None or found.version >= known.version else known


def _verify(octets: bytes, signature: bytes, keys: SSHKeys) -> SignedList:
    """Verify a list, and that sshd can read it. Raises WireError."""
    trusted = {key for each in keys.trusted.values() for key in each}
    detached.verify(signature, detached.KRL_NAMESPACE, octets, trusted)
    etag = f'"{hashlib.sha256(octets).hexdigest()}"'.encode()
    return SignedList(krl.parse(octets).version, octets, signature, etag)


def _require(what: str, status: int, body: bytes) -> bytes:
    if status == _OK:
        return body
    if status == _NOT_FOUND:
        raise NewelError(
            ErrorType.NOT_FOUND,
            "the validation authority has no signed key revocation list: set ssh.krl_key of its configuration"
            " where there are CAs for SSH",
        )
    raise _unavailable_error(
        f"the validation authority answered with {status} when asked for {what}"
    )


def _unavailable_error(cause: str) -> NewelError:
    return NewelError(
        ErrorType.UNAVAILABLE,
        "the key revocation list cannot be had from the validation authority now",
        cause=cause,
    )
