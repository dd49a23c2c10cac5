"""`newel alerts silence`."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.operations.inventory import entries
from newel.cli.operations.times import resolve_time
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsSilenceOptions

MATCHERS = ("kind", "severity", "owner", "endpoint", "provisioner", "subject")


def run(call: "AlertsSilenceOptions") -> None:
    """Hold back the alerts that match. Raises UsageError for a silence of nothing, or without an end."""
    from newel.client import catalogue

    call.positionals(0)
    document = {name: text for name in MATCHERS if (text := call.get(name))}
    if not document:
        flags = ", ".join(f"--{name}" for name in MATCHERS)
        raise UsageError(f"one of flag {flags} is required; --kind '*' is all alerts")
    if not call.until:
        raise UsageError("flag '--until' is required: there is no silence without an end")
    for member, flag in (("starts_at", "from"), ("ends_at", "until")):
        if text := call.get(flag):
            document[member] = _write_time(text, flag)
    if call.reason:
        document["reason"] = call.reason
    done = entries.fetch(
        call.output, service_options(call, "alerting"), catalogue.silence(document)
    )
    entries.report(call.output, done, f"The silence {done['id']} lasts until {done['ends_at']}.")


def _write_time(text: str, flag: str) -> str:
    from newel.client.clock import now

    moment = resolve_time(text, flag, now())
    return moment.isoformat() if moment else ""
