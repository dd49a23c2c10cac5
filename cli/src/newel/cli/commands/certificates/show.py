"""`newel certificates show`."""

from newel.cli.catalogue import layouts, questions, session
from newel.cli.invocation import Invocation
from newel.cli.terminal import show_json


def run(call: Invocation) -> None:
    """All the catalogue knows of one certificate."""
    from newel.client import catalogue

    (word,) = call.positionals(1)
    serial, form = (
        questions.serial_number(word),
        layouts.format_of(call, options=("text", "json")),
    )
    with session.inventory(call) as authority:
        found = authority.send(catalogue.certificate(serial))
    if form == "json":
        show_json(found)
    else:
        print(layouts.details(found))
