"""The messages of one durable JetStream consumer, a batch at a time.

The client library's own ``fetch`` may hold a first message back until its batch is full or its time is over.
Here the first message is waited for, and whatever else is there comes with it.
"""

import json
from collections.abc import Callable
from typing import Any

_NANOSECONDS = 1_000_000_000
_NO_MESSAGES, _EXPIRED = "404", "408"
_ACKNOWLEDGE = "$JS.ACK."
_ANSWER_SECONDS = 2.0  # beyond what the server was told to wait


class Puller:
    """A reader of one durable consumer, built by ``open``; one task at a time may use it."""

    def __init__(
        self,
        client: Any,
        subscription: Any,
        inbox: str,
        subject: str,
        count_foreign: Callable[[], None],
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._inbox = inbox
        self._subject = subject
        self._count_foreign = count_foreign
        self._asked = 0

    @classmethod
    async def open(
        cls,
        client: Any,
        stream: str,
        durable: str,
        count_foreign: Callable[[], None] = lambda: None,
    ) -> "Puller":
        """Open an existing consumer. ``count_foreign`` counts messages that no service wrote."""
        inbox = client.new_inbox()
        subscription = await client.subscribe(f"{inbox}.*")
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        return cls(client, subscription, inbox, subject, count_foreign)

    async def read_batch(self, most: int, seconds: float) -> list[Any]:
        """Return 1..``most`` messages as soon as there are any; none after ``seconds``.

        Raises TimeoutError when the server does not answer, ConnectionError for what it objects to.
        """
        waiting = {"batch": 1, "expires": int(seconds * _NANOSECONDS)}
        first = await self._read_replies(waiting, 1, seconds)
        behind = min(first[0].metadata.num_pending, most - 1) if first else 0
        if not behind:
            return first
        return first + await self._read_replies({"batch": behind, "no_wait": True}, behind, 0)

    async def close(self) -> None:
        """Unsubscribe from the replies."""
        await self._subscription.unsubscribe()

    async def _read_replies(self, request: dict[str, Any], most: int, seconds: float) -> list[Any]:
        """Return the messages of one request. A status is sent to the request's own reply subject and ends it.

        A stored message has a subject to acknowledge it at, whatever its headers claim: one that calls
        itself a status was planted in the stream, and would be delivered again and again.
        """
        self._asked += 1
        reply = f"{self._inbox}.{self._asked}"
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=reply)
        found: list[Any] = []
        odd = 0
        while len(found) + odd < most:
            message = await self._subscription.next_msg(timeout=seconds + _ANSWER_SECONDS)
            status = (message.headers or {}).get("Status")
            if status is None:
                found.append(message)
            elif message.reply.startswith(_ACKNOWLEDGE):
                await message.ack()
                self._count_foreign()
                odd += 1
            elif message.subject == reply:
                if status not in {_NO_MESSAGES, _EXPIRED}:
                    raise ConnectionError(f"NATS: {status} {message.headers.get('Description')}")
                break
        return found
