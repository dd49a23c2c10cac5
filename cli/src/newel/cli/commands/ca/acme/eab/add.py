"""`newel ca acme eab add`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_session, external_keys
from newel.cli.operations.times import resolve_time
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEEABAddOptions


TITLES = ("Key ID", "Provisioner", "Key (base64, raw url encoded)", "Reference")


def run(options: "CAACMEEABAddOptions") -> None:
    """Create a key and print it; it is never shown again."""
    from newel.client import admin_calls
    from newel.client.clock import now

    words = options.positionals(1, 2)
    approved = external_keys.sort_names(options.approve)
    most = options.integer("accounts", 1)
    end = resolve_time(options.not_after, "not-after", now())
    not_after = "" if end is None else end.strftime("%Y-%m-%dT%H:%M:%SZ")
    with (
        admin_session.open_session(admin_options(options)) as session,
        external_keys.explain_refusals("creating ACME EAB key"),
    ):
        key = session.send(
            admin_calls.create_external_key(words[0], "".join(words[1:]), approved, most, not_after)
        )
        external_keys.require_honoured(key, most, has_approved=bool(approved), not_after=not_after)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json(external_keys.as_json(key))
    else:
        print(external_keys.line(TITLES, external_keys.MADE))
        cells = (key.id, key.provisioner, key.key, key.reference)
        print(external_keys.line(cells, external_keys.MADE))
