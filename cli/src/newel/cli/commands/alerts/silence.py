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
    """Hold back the alerts that match what is typed."""
    from newel.client import catalogue

    document = read_silence(call)
    done = entries.fetch(
        call.output, service_options(call, "alerting"), catalogue.silence(document)
    )
    entries.report(call.output, done, f"The silence {done['id']} lasts until {done['ends_at']}.")


def read_silence(call: "AlertsSilenceOptions") -> dict[str, str]:
    """Return the silence that is typed: a provisioner of defaults.json would narrow it unasked.

    Raises UsageError for a silence of nothing, or without an end.
    """
    call.positionals(0)
    document = {name: text for name in MATCHERS if (text := call.read_typed(name))}
    if not document:
        flags = ", ".join(f"--{name}" for name in MATCHERS)
        raise UsageError(f"one of flag {flags} is required; --kind '*' is all alerts")
    if not call.read_typed("until"):
        raise UsageError("flag '--until' is required: there is no silence without an end")
    for member, flag in (("starts_at", "from"), ("ends_at", "until")):
        if text := call.read_typed(flag):
            document[member] = _write_time(text, flag)
    if call.reason:
        document["reason"] = call.reason
    return document


def _write_time(text: str, flag: str) -> str:
    from newel.client.clock import now

    moment = resolve_time(text, flag, now())
    return moment.isoformat() if moment else ""
