"""`newel endpoints show`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.operations.inventory import layouts, session
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.endpoints import EndpointsShowOptions


def run(call: "EndpointsShowOptions") -> None:
    """One endpoint and its lineage: every certificate it was given, the one that ends last first."""
    from newel.client import catalogue
    from newel.client.answers import rows

    (identifier,) = call.positionals(1)
    form = layouts.format_of(call.output, options=("text", "json"))
    with session.connect(service_options(call, "inventory")) as authority:
        found = authority.send(catalogue.endpoint(identifier))
        lineage = rows(found, "certificates")
    if form == "json":
        show_json(found)
        return
    print(layouts.details(found))
    print()
    columns = {"SERIAL": "serial", "STATE": "state", "ISSUED": "issued_at"}
    columns |= {"EXPIRES": "not_after", "RENEWED FROM": "renewed_from"}
    layouts.show("text", columns, lineage)
