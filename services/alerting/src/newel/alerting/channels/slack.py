"""Slack's incoming webhooks, and what understands the same (Mattermost, Discord's ``/slack``).

Every text that a stranger may have chosen is sent as ``plain_text``, which has no links, mentions or
formatting; the fallback line, which has, is escape as Slack asks: ``&``, ``<``, ``>``.
"""

from typing import Any

import msgspec

from newel.alerting.channels.http_post import Poster
from newel.alerting.notices import Message, Phase, facts, title

_FIELDS = 10  # Slack takes no more in one section


class SlackChannel:
    """One Slack channel."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def send(self, message: Message) -> None:
        """Post the message. Raises `DeliveryError` unless Slack accepts it."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
        await self._poster.post(msgspec.json.encode(payload(message)), headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def payload(message: Message) -> dict[str, Any]:
    """Return the message in Slack's Block Kit."""
    sign = {Phase.OPENED: "⚠", Phase.RESOLVED: "✓"}[message.phase]
    headline = f"{sign} {title(message)}"
    fields = [_plain(f"{name}\n{value}") for name, value in facts(message)[:_FIELDS]]
    return {
        "text": escape(headline),
        "mrkdwn": False,
        "blocks": [
            {"type": "header", "text": _plain(headline)},
            {"type": "section", "fields": fields},
        ],
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def escape(text: str) -> str:
    """Escape text so that Slack shows it as it is, without mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
