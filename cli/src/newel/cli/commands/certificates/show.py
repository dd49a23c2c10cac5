"""`newel certificates show`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from newel.cli.interact.terminal import show_json
from newel.cli.operations.inventory import layouts, questions, session
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.certificates import CertificatesShowOptions
    from newel.client.authority import Authority


def run(call: "CertificatesShowOptions") -> None:
    """All the catalogue knows of one certificate."""
    (word,) = call.positionals(1)
    serials = questions.serial_numbers(word)
    form = layouts.format_of(call.output, options=("text", "json"))
    with session.connect(service_options(call, "inventory")) as authority:
        found = find_certificate(authority, serials)
    if form == "json":
        show_json(found)
    else:
        number = int(str(found["serial"]), 16)
        print(layouts.details({"serial": found["serial"], "serial_in_decimal": number, **found}))


def find_certificate(authority: "Authority", serials: Sequence[str]) -> dict[str, Any]:
    """Return the first of these certificates that the inventory has. Raises RefusedError and CliError."""
    from newel.client import catalogue
    from newel.client.errors import RefusedError

    for serial in serials:
        try:
            return authority.send(catalogue.certificate(serial))
        except RefusedError as error:
            if error.status != questions.NOT_FOUND or len(serials) == 1:
                raise
    raise questions.not_found(serials)
