"""Prometheus' Alertmanager, API v2: the same alert with an end when it is resolved.

Alertmanager ends what is not repeated, and keeps what is said to end later: an open alert is said to
end in a year. Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import datetime as dt

from newel.alerting.channels.posting import PostRequest, build_json
from newel.alerting.notices import Message, facts, plain, timestamp, title

PATH = "/api/v2/alerts"

_OPEN = dt.timedelta(days=365)
_LONGEST = 500


def build_request(token: str, message: Message) -> PostRequest:
    """Write the message as an alert. ``token``: of the proxy in front of it; "" for none."""
    notice = message.notice
    labels = {
        "alertname": "NewelCertificate",
        "severity": notice.severity.value,
        "authority": message.source,
        "notice": notice.id,
        "endpoint": notice.endpoint,
        "provisioner": notice.provisioner,
        "subject": notice.subject,
    }
    alert = {
        # those of both messages are the same: they are what Alertmanager knows an alert by
        "labels": {name: plain(text, _LONGEST) for name, text in labels.items() if text},
        "annotations": {"summary": title(message), **_annotations(message)},
        "startsAt": timestamp(notice.opened_at),
        "endsAt": timestamp(notice.resolved_at or notice.opened_at + _OPEN),
    }
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return build_json(message, [alert], PATH, **headers)


def _annotations(message: Message) -> dict[str, str]:
    return {name.lower().replace(" ", "_"): value for name, value in facts(message)}
