"""The channels that post to an HTTP receiver: what differs between them is one function each."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from newel.alerting.channels.http_post import Poster
from newel.alerting.notices import Message


class PostRequest(NamedTuple):
    """What a receiver is sent."""

    body: bytes
    headers: Mapping[str, str]
    path: str = ""
    """What follows the configured address."""


class PostChannel:
    """One receiver; ``build`` writes a message as it reads them."""

    def __init__(self, poster: Poster, build: Callable[[Message], PostRequest]) -> None:
        self._poster = poster
        self._build = build

    async def send(self, message: Message) -> None:
        """Post the message. Raises `DeliveryError` unless the receiver answers 2xx."""
        request = self._build(message)
        await self._poster.post(request.body, dict(request.headers), request.path)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def build_json(message: Message, content: Any, path: str = "", **headers: str) -> PostRequest:
    """Build a request of JSON that names the delivery, so that a receiver can drop repeats."""
    own = {"Content-Type": "application/json", "Idempotency-Key": message.key, **headers}
    return PostRequest(msgspec.json.encode(content), own, path)
