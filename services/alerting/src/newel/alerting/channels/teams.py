"""Microsoft Teams: the incoming webhook of a workflow, which takes an Adaptive Card.

Text that a stranger may have chosen stands in text runs, which know no Markdown, links or mentions.
Source: https://adaptivecards.io/explorer, version 1.4.
"""

from typing import Any

from newel.alerting.channels.posting import PostRequest, build_json
from newel.alerting.channels.slack import SIGNS
from newel.alerting.notices import Message, Phase, Severity, facts, title


def build_request(message: Message) -> PostRequest:
    """Write the message as an Adaptive Card."""
    color = "good"
    if message.phase is not Phase.RESOLVED:
        color = "attention" if message.notice.severity is Severity.CRITICAL else "warning"
    headline = f"{SIGNS[message.phase]} {title(message)}"
    rows = [
        {"type": "ColumnSet", "columns": [_column(name, isSubtle=True), _column(value)]}
        for name, value in facts(message)
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": headline,
        "body": [_text(headline, weight="bolder", size="medium", color=color), *rows],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return build_json(message, {"type": "message", "attachments": [attachment]})


def _column(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "Column", "width": "stretch", "items": [_text(text, **style)]}


def _text(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
