"""Android's list of attestation keys that are revoked or suspended, as Google publishes it.

The format is at https://developer.android.com/privacy-and-security/security-key-attestation#certificate_status.
"""

import asyncio
import logging

import msgspec

from newel.runtime.egress import EgressError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient, OutgoingResponse

PUBLISHED = "https://android.googleapis.com/attestation/status"
_FRESH = 24 * 3600.0  # seconds, which is what Google lets caches keep it
_OK = 200
_log = logging.getLogger("newel.registration.provisioners")


class _Entry(msgspec.Struct):
    status: str


class _List(msgspec.Struct):
    entries: dict[str, _Entry]


_list = msgspec.json.Decoder(_List)


class AndroidStatus:
    """The list at one URL, fetched when it is asked for and older than a day."""

    def __init__(self, url: str, client: OutgoingClient) -> None:
        self._url = url
        self._client = client
        self._serials: frozenset[str] = frozenset()
        self._fetched_at = float("-inf")
        self._turn = asyncio.Lock()

    async def serials(self, now: float) -> frozenset[str]:
        """Return the serial numbers in the list: lower-case hexadecimal digits without leading zeros.

        ``now`` is in seconds since 1970.
        Raises ``unavailable`` when it cannot be fetched: a certificate may be in it.
        """
        async with self._turn:
            if not 0 <= now - self._fetched_at < _FRESH:
                self._serials = await self._fetch()
                self._fetched_at = now
            return self._serials

    async def _fetch(self) -> frozenset[str]:
        try:
            found = _read(await self._client.get(self._url))
        except (EgressError, ValueError) as error:
            _log.warning("the list of revoked attestation keys %s: %s", self._url, error)
            raise NewelError(
                ErrorType.UNAVAILABLE,
                "the list of revoked attestation keys of Android cannot be fetched; try again later",
                cause=f"{self._url}: {error}",
            ) from None
        return frozenset(each.lower().lstrip("0") for each in found.entries)


def _read(answer: OutgoingResponse) -> _List:
    if answer.status != _OK:
        raise ValueError(f"the answer has the status {answer.status}")
    return _list.decode(answer.body)
