"""What an import tells its operator."""

import sys
from collections.abc import Iterator, Sequence

from newel.standalone.takeover import source as tables
from newel.standalone.takeover.importer import Part

LABELS = {
    tables.PROVISIONERS: "provisioners",
    tables.ADMINISTRATORS: "administrators",
    tables.POLICIES: "policies",
    tables.CERTIFICATES: "certificates",
    tables.REVOKED: "revocations",
    tables.ACCOUNTS: "ACME accounts",
    tables.EXTERNAL_KEYS: "external account keys",
    tables.ACME_CERTIFICATES: "owners of ACME certificates",
    tables.USED_TOKENS: "used tokens",
    tables.SSH_CERTIFICATES: "SSH certificates",
    tables.SSH_REVOKED: "revocations of SSH certificates",
    tables.SSH_HOSTS: "SSH hosts",
}
"""What is taken over, by the table."""


def show_progress(table: str, done: int, total: int) -> None:
    """Show how far a table is, in one line of a terminal."""
    if total and sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(
            f"\r{LABELS.get(table, table)}: {done} of {total}", end=end, file=sys.stderr, flush=True
        )


def describe(parts: Sequence[Part], *, dry_run: bool) -> Iterator[str]:
    """Write one line for each table, and one for each reason why some of its rows are left out."""
    verb = "would be imported" if dry_run else "imported"
    for part in parts:
        label = LABELS.get(part.name, part.name)
        if part.name in LABELS:
            there = f", {part.known} already there" if part.known else ""
            yield f"{label}: {part.rows} read, {part.new} {verb}{there}"
        for why, count in part.reasons.most_common():
            named = ", ".join(filter(None, part.examples.get(why, [])))
            yield f"{label}: {count} left out: {why}{f' ({named})' if named else ''}"
