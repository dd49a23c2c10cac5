"""`newel metadata import`."""  # noqa: N999 - the word of the command is a keyword of Python

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import say
from newel.cli.operations.inventory import metadata, session
from newel.cli.options.groups import service_options
from newel.cli.store import files

if TYPE_CHECKING:
    from newel.cli.options.records.metadata import MetadataImportOptions


def run(options: "MetadataImportOptions") -> None:
    """Write all records of a file into the inventory, or none of them."""
    from newel.client import catalogue

    (name,) = options.positionals(1)
    media_type = metadata.media_type_of(name, options.format)
    content = files.read(name)
    with session.connect(service_options(options, "inventory")) as authority:
        call = catalogue.import_metadata(content, media_type, dry_run=options.dry_run)
        found = authority.send(call)
    say(
        "Nothing written" if options.dry_run else "Metadata",
        f"{found['created']} new, {found['changed']} changed, {found['unchanged']} unchanged",
    )
