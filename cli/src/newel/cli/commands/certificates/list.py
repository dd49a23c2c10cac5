"""`newel certificates list`, and what every list command does: ask, show, and say when there is more."""

from itertools import islice
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.inventory import layouts, questions, session
from newel.cli.options.groups import query, service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import (
        AlertsDeliveriesOptions,
        AlertsListOptions,
        AlertsSilencesOptions,
    )
    from newel.cli.options.records.certificates import CertificatesListOptions
    from newel.cli.options.records.endpoints import EndpointsListOptions
    from newel.client.catalogue import Kind

    AlertOptions = AlertsListOptions | AlertsDeliveriesOptions | AlertsSilencesOptions

OF_INVENTORY = ("certificates", "endpoints")
"""The lists of the inventory; the others are alerting's."""


def run(options: "CertificatesListOptions") -> None:
    """Print the inventory's certificates, newest first unless --sort says otherwise."""
    show_list(options, "certificates")


def show_list(
    options: "AlertOptions | CertificatesListOptions | EndpointsListOptions",
    kind: "Kind",
) -> None:
    """Print the entries; one beyond the limit is read, to know whether there are more."""
    options.positionals(0)
    form, limit = layouts.format_of(options.output), options.limit or 0
    if limit < 0:
        raise UsageError("flag '--limit' must be greater than or equal to 0")
    service = service_options(options, "inventory" if kind in OF_INVENTORY else "alerting")
    with session.connect(service) as authority:
        found = list(questions.entries(query(options), authority, kind, limit + 1 if limit else 0))
    shown = list(islice(found, limit)) if limit else found
    layouts.show(form, layouts.OF[kind], shown)
    if len(found) > len(shown):
        note(f"There are more than these {limit}: --limit 0 shows all.")
