"""PagerDuty's Events API v2: an alert triggers an incident, and what resolves it resolves that one.

Source: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from newel.alerting.channels.posting import PostRequest, build_json
from newel.alerting.notices import Message, Phase, facts, timestamp, title

PATH = "/v2/enqueue"


def build_request(routing_key: str, message: Message) -> PostRequest:
    """Write the message as an event; the notice's id joins the two events of one alert."""
    notice = message.notice
    event: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "trigger" if message.phase is not Phase.RESOLVED else "resolve",
        "dedup_key": f"{message.source}/{notice.id}",
        "client": message.source,
    }
    if message.phase is not Phase.RESOLVED:
        event["payload"] = {
            "summary": title(message),
            "source": message.source,
            "severity": notice.severity.value,
            "timestamp": timestamp(notice.opened_at),
            "component": notice.provisioner or None,
            "class": "certificate",
            "custom_details": dict(facts(message)),
        }
    return build_json(message, event, PATH)
