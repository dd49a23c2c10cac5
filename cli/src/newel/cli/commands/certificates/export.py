"""`newel certificates export`: as many as there are, read and written page by page."""

import io
import sys
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact import progress
from newel.cli.interact.terminal import say
from newel.cli.operations.inventory import layouts, questions, session
from newel.cli.options.groups import query, service_options
from newel.cli.store.files import open_for_writing

if TYPE_CHECKING:
    from newel.cli.options.records.certificates import CertificatesExportOptions


WRITERS = {"csv": layouts.write_csv, "ndjson": layouts.write_lines}


def run(options: "CertificatesExportOptions") -> None:
    """Write every certificate the filters leave to a file, whole or not at all, or to stdout."""
    words = options.positionals(0, 1)
    kind = options.format or "csv"
    if kind not in WRITERS:
        raise UsageError(f"invalid value '{kind}' for flag '--format'; options are csv, ndjson")
    name = words[0] if words else "-"
    with session.connect(service_options(options, "inventory")) as authority:
        found = questions.entries(query(options), authority, "certificates", 0)
        if name == "-":
            WRITERS[kind](sys.stdout, found)
            return
        with open_for_writing(name, force=options.force) as raw:
            sink = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            count = WRITERS[kind](sink, progress.count(found, "Certificates"))
            sink.flush()
            sink.detach()
    say("Certificates", f"{count} in {name}")
