"""Signed CloudEvents to an HTTP receiver.

The body is a CloudEvents 1.0 JSON document, the same octets at every attempt. With it go:

- ``Idempotency-Key``: equals the event's ``id``; a receiver drops what it has seen.
- ``Newel-Signature: t=<seconds since 1970>,v1=<hex>``: HMAC-SHA256, under the shared secret, of the
  decimal time, a full stop and the body. A receiver computes it again, compares in constant time, and
  rejects times more than a few minutes from its own.
- ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``: the same proof as Standard Webhooks have
  it, for the libraries that check it (https://www.standardwebhooks.com).

``docs/alerting.md`` describes them for receivers.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from newel.alerting.channels.posting import PostRequest
from newel.alerting.notices import Message, Phase, link, timestamp, title
from newel.runtime.clock import Clock

_PREFIX = "whsec_"


def build_request(secret: bytes, clock: Clock, message: Message) -> PostRequest:
    """Write and sign the event of a message."""
    body, at = msgspec.json.encode(event(message)), int(clock.unix())
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Idempotency-Key": message.key,
        "Newel-Signature": signature(secret, at, body),
        "webhook-id": message.key,
        "webhook-timestamp": str(at),
        "webhook-signature": standard_signature(secret, message.key, at, body),
    }
    return PostRequest(body, headers)


def read_key(secret: str) -> bytes:
    """Return the key that signs: the octets of a ``whsec_`` secret, or the text's. Raises ValueError."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("what follows whsec_ is not base64") from None


def standard_signature(secret: bytes, key: str, at: int, body: bytes) -> str:
    """Return the value of ``webhook-signature`` for a message sent at that second."""
    digest = hmac.new(secret, b"%s.%d.%s" % (key.encode(), at, body), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the value of ``Newel-Signature`` for a body sent at that second."""
    digest = hmac.new(secret, b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def event(message: Message) -> dict[str, Any]:
    """Return the CloudEvents document of a message."""
    notice = message.notice
    opened = message.phase is not Phase.RESOLVED
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
            "kind": notice.kind,
            "severity": notice.severity,
            "owner": notice.owner or None,
            "detail": notice.detail or None,
            "endpoint": notice.endpoint,
            "serial": notice.serial.hex(),
            "subject": notice.subject,
            "names": [_name(name) for name in notice.names],
            "provisioner": notice.provisioner,
            "not_before": timestamp(notice.not_before) if notice.not_before else None,
            "not_after": timestamp(notice.not_after) if notice.not_after else None,
            "life_passed": notice.life_passed,
            "opened_at": timestamp(notice.opened_at),
            "resolved_at": None if opened else timestamp(happened),
            "successor": notice.successor.hex() or None,
            "followed_by": notice.followed_by or None,
            "page": link(message) or None,
            **({"alerts": notice.alerts, "first": notice.first} if notice.alerts else {}),
        },
    }


def _name(name: str) -> dict[str, str]:
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value}
