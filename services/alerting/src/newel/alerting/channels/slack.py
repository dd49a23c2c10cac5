"""Slack's incoming webhooks, and what understands the same (Mattermost, Discord's ``/slack``).

Every text that a stranger may have chosen is sent as ``plain_text``, which has no links, mentions or
formatting; the fallback line, which has, is escape as Slack asks: ``&``, ``<``, ``>``.
"""

from typing import Any

from newel.alerting.channels.posting import PostRequest, build_json
from newel.alerting.notices import Message, Phase, facts, title

SIGNS = {Phase.OPENED: "⚠", Phase.ESCALATED: "⚠", Phase.RESOLVED: "✓"}
"""What people see first."""

_FIELDS = 10  # Slack takes no more in one section, and 50 blocks


def build_request(message: Message) -> PostRequest:
    """Write the message in Slack's Block Kit."""
    headline = f"{SIGNS[message.phase]} {title(message)}"
    fields = [_plain(f"{name}\n{value}") for name, value in facts(message)]
    sections = [
        {"type": "section", "fields": fields[first : first + _FIELDS]}
        for first in range(0, len(fields), _FIELDS)
    ]
    content = {
        "text": escape(headline),
        "mrkdwn": False,
        "blocks": [
            {"type": "header", "text": _plain(headline)},
            *sections,
        ],
    }
    return build_json(message, content)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def escape(text: str) -> str:
    """Escape text so that Slack shows it as it is, without mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
