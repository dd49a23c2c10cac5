"""Slack's incoming webhooks, with the limits its reference states."""

import json
from typing import Any

from fakes.http_receiver import HttpReceiver, ReceivedPost


class SlackReceiver(HttpReceiver):
    """Refuses messages that Slack would refuse."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What came."""
        return [json.loads(each.body) for each in self.posted]

    def check(self, posted: ReceivedPost) -> str:
        """The block kit's limits: header 150, field 2000 characters, 10 fields, 50 blocks."""
        message = json.loads(posted.body)
        if not message.get("text") or len(message["blocks"]) > 50:
            return "no_text"
        for block in message["blocks"]:
            if block["type"] == "header" and len(block["text"]["text"]) > 150:
                return "invalid_blocks"
            if block["type"] == "section":
                fields = block["fields"]
                if not 1 <= len(fields) <= 10 or any(len(each["text"]) > 2000 for each in fields):
                    return "invalid_blocks"
        return ""
