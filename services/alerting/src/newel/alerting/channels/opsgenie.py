"""Opsgenie's Alert API: an alert is created, and closed by its alias when it is resolved.

Source: https://docs.opsgenie.com/docs/alert-api
"""

from urllib.parse import quote

from newel.alerting.channels.posting import PostRequest, build_json
from newel.alerting.notices import Message, Phase, Severity, facts, plain, title

PATH = "/v2/alerts"

_LONGEST = 130
_PRIORITY = {Severity.WARNING: "P3", Severity.CRITICAL: "P1"}


def build_request(api_key: str, message: Message) -> PostRequest:
    """Write the message as a request; the notice's id is the alias that finds the alert again."""
    notice = message.notice
    alias = f"{message.source}/{notice.id}"
    if message.phase is not Phase.RESOLVED:
        path = PATH
        content: dict[str, object] = {
            "message": plain(title(message), _LONGEST),
            "alias": alias,
            "entity": plain(notice.subject or notice.endpoint, 512),
            "source": message.source,
            "priority": _PRIORITY[notice.severity],
            "tags": ["certificate", notice.severity.value],
            "details": dict(facts(message)),
        }
    else:
        path = f"{PATH}/{quote(alias, safe='')}/close?identifierType=alias"
        content = {"source": message.source, "note": title(message)}
    return build_json(message, content, path, Authorization=f"GenieKey {api_key}")
