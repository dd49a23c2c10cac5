"""A receiver of Newel's webhooks, written from their description alone."""

import hashlib
import hmac
import json
import re
import ssl
from typing import Any

from fakes.http_receiver import HttpReceiver, ReceivedPost, Reply

_SIGNATURE = re.compile(r"t=(\d+),v1=([0-9a-f]{64})")


class WebhookReceiver(HttpReceiver):
    """Refuses what is not signed with the shared secret; drops what it has seen."""

    def __init__(self, secret: bytes, *replies: Reply, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(*replies, tls=tls)
        self._secret = secret

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that came, each once."""
        seen = {each.headers["idempotency-key"]: json.loads(each.body) for each in self.posted}
        return list(seen.values())

    def check(self, posted: ReceivedPost) -> str:
        """Whether the signature is right and the headers belong to the body."""
        match = _SIGNATURE.fullmatch(posted.headers.get("newel-signature", ""))
        if match is None:
            return "no signature"
        signed = match[1].encode() + b"." + posted.body
        expected = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, match[2]):
            return "wrong signature"
        if posted.headers["content-type"] != "application/cloudevents+json":
            return "not a CloudEvent"
        if json.loads(posted.body)["id"] != posted.headers.get("idempotency-key"):
            return "the idempotency key is not the event's id"
        return ""
