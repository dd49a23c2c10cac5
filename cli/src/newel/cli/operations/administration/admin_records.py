"""Administrators with the names of their provisioners: listed, shown and chosen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.menu import choose
from newel.cli.interact.terminal import say
from newel.cli.operations import pagination
from newel.cli.operations.tokens.provisioner_choice import one_of

if TYPE_CHECKING:
    from newel.cli.operations.administration.admin_session import AdminSession
    from newel.client.admin_calls import Admin

SESSION_BY = ("admin-provisioner", "provisioner")
"""Either flag names the provisioner the caller logs in with."""


class Record(NamedTuple):
    """An administrator as people know him."""

    id: str
    subject: str
    provisioner: str
    provisioner_kind: str
    kind: str

    @property
    def text(self) -> str:
        """One line for menus."""
        where = f"{self.provisioner}({self.provisioner_kind})"
        return f"subject: {self.subject}, provisioner: {where}, type: {self.kind}"


def every(session: "AdminSession") -> list[Record]:
    """All of them, page by page. Raises CliError."""
    from newel.client import admin_calls

    found = pagination.collect(
        lambda cursor: session.send(admin_calls.admins(cursor)), "administrators"
    )
    return list_records(session, found)


def list_records(session: "AdminSession", admins: Sequence["Admin"]) -> list[Record]:
    """Return administrators with their provisioners' names, each asked for once."""
    from newel.client import admin_calls

    provisioners = {
        identifier: session.send(admin_calls.provisioner(identifier))
        for identifier in dict.fromkeys(admin.provisioner_id for admin in admins)
    }
    return [
        Record(
            admin.id,
            admin.subject,
            str(provisioners[admin.provisioner_id].get("name") or ""),
            str(provisioners[admin.provisioner_id].get("type") or ""),
            admin.kind,
        )
        for admin in admins
    ]


def choose_record(session: "AdminSession", subject: str, provisioner: str | None) -> Record:
    """Return the administrator of this name and provisioner, or the one the person picks."""
    left = [each for each in every(session) if each.subject == subject]
    if not left:
        raise CliError(f"no admins with subject {subject}")
    if provisioner:
        left = [each for each in left if each.provisioner == provisioner]
        if not left:
            known = [each.provisioner for each in every(session) if each.subject == subject]
            raise UsageError(
                f"invalid value '{provisioner}' for flag '--provisioner'", hint=one_of(known)
            )
    texts = [each.text for each in left]
    index = 0 if len(left) == 1 else choose("Select an admin:", texts, "--provisioner NAME")
    say("Admin", texts[index])
    return left[index]


def show(records: Sequence[Record], *, json: bool) -> None:
    """Print a table, or JSON."""
    if json:
        from newel.cli.interact.terminal import show_json

        show_json(
            [
                {
                    "id": each.id,
                    "subject": each.subject,
                    "provisioner": each.provisioner,
                    "type": each.kind,
                }
                for each in records
            ]
        )
        return
    from newel.cli.render.table import format_table

    rows = [
        (each.subject, f"{each.provisioner} ({each.provisioner_kind})", each.kind)
        for each in records
    ]
    print(format_table([("SUBJECT", "PROVISIONER", "TYPE"), *rows]))
