"""Signed CloudEvents to an HTTP receiver.

The body is a CloudEvents 1.0 JSON document, the same octets at every attempt. Two headers go with it:

- ``Idempotency-Key``: equals the event's ``id``; a receiver drops what it has seen.
- ``Newel-Signature: t=<seconds since 1970>,v1=<hex>``: HMAC-SHA256, under the shared secret, of the
  decimal time, a full stop and the body. A receiver computes it again, compares in constant time, and
  rejects times more than a few minutes from its own.

``docs/alerting.md`` describes both for receivers.
"""

import hashlib
import hmac
from typing import Any

import msgspec

from newel.alerting.channels.http_post import Poster
from newel.alerting.notices import Message, Phase, timestamp, title
from newel.runtime.clock import Clock


class WebhookChannel:
    """One receiver."""

    def __init__(self, poster: Poster, secret: bytes, clock: Clock) -> None:
        self._poster = poster
        self._secret = secret
        self._clock = clock

    async def send(self, message: Message) -> None:
        """Post the event. Raises `DeliveryError` unless the receiver answers 2xx."""
        body = msgspec.json.encode(event(message))
        headers = {
            "Content-Type": "application/cloudevents+json",
            "Idempotency-Key": message.key,
            "Newel-Signature": signature(self._secret, int(self._clock.unix()), body),
        }
        await self._poster.post(body, headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the value of ``Newel-Signature`` for a body sent at that second."""
    digest = hmac.new(secret, b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def event(message: Message) -> dict[str, Any]:
    """Return the CloudEvents document of a message."""
    notice = message.notice
    opened = message.phase is Phase.OPENED
    happened = notice.opened_at if opened else notice.resolved_at or notice.opened_at
    return {
        "specversion": "1.0",
        "id": message.key,
        "source": message.source,
        "type": f"newel.alert.{message.phase}.v1",
        "subject": notice.endpoint,
        "time": timestamp(happened),
        "datacontenttype": "application/json",
        "data": {
            "notice": notice.id,
            "title": title(message),
            "severity": notice.severity,
            "endpoint": notice.endpoint,
            "serial": notice.serial.hex(),
            "subject": notice.subject,
            "names": [_name(name) for name in notice.names],
            "provisioner": notice.provisioner,
            "not_before": timestamp(notice.not_before),
            "not_after": timestamp(notice.not_after),
            "life_passed": notice.life_passed,
            "opened_at": timestamp(notice.opened_at),
            "resolved_at": None if opened else timestamp(happened),
            "successor": notice.successor.hex() or None,
        },
    }


def _name(name: str) -> dict[str, str]:
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value}
