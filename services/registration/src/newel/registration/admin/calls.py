"""One request of an administrator, and what a handler makes of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from newel.registration.admin.records import (
    Configuration,
    StoredProvisioner,
    conflict_error,
)
from newel.registration.admin.storage import AdminTables
from newel.registration.admin.tokens import Caller
from newel.registration.authority import Authority
from newel.registration.errors import malformed_error, unauthorized_error
from newel.registration.paging import read_page
from newel.registration.replacements import Replacements
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Write
from newel.runtime.errors import NewelError
from newel.runtime.http.response import Response
from newel.step.ca_json_check import parse_document

LONGEST_NAME = 256

Message = TypeVar("Message")
Facts = Mapping[str, Any]


class Call(msgspec.Struct, frozen=True):
    """A request whose administrator is known."""

    caller: Caller
    configuration: Configuration
    """As it is when the request is decided."""
    arguments: Sequence[str]
    """The variable segments of the path."""
    query: Mapping[str, str]
    body: bytes
    if_match: int | None
    """The revision of the record that the client expects, from If-Match (RFC 9110 §13.1.1)."""
    now: int
    """Seconds since 1970."""

    @property
    def next_revision(self) -> int:
        """The revision that a change makes."""
        return self.configuration.revision + 1

    def read(self, kind: type[Message]) -> Message:
        """Return the body as a message. Raises ``malformed``."""
        try:
            return msgspec.convert(parse_document(self.body), kind)
        except (ValueError, RecursionError) as error:
            raise malformed_error(str(error)[:300]) from None

    def page(self) -> tuple[str, int]:
        """Return the cursor and the limit of a list. Raises ``malformed``."""
        return read_page(self.query, "error parsing cursor and limit from query params: ")

    def require_rights_over(self, provisioner: StoredProvisioner) -> None:
        """Raise ``unauthorized`` where a change could make the caller a super administrator.

        A provisioner decides who gets certificates by it, super administrators' too.
        """
        if self.caller.administrator.is_super:
            return
        for each in self.configuration.administrators.values():
            if each.is_super and each.provisioner == provisioner.id:
                raise _super_error()

    def require_super(self) -> None:
        """Raise ``unauthorized`` unless the caller is a super administrator."""
        if not self.caller.administrator.is_super:
            raise _super_error()


class Outcome(msgspec.Struct, frozen=True):
    """The result of a request, and what is to be committed before the client hears of it."""

    response: Response
    writes: Sequence[Write] = ()
    facts: Facts = {}
    """What the audit trail says of a change: the record, before and after."""
    record: str = ""
    """The record that the client has seen or changed."""
    revision: int = 0
    """The revision of that record."""


class AdminServer(msgspec.Struct, frozen=True):
    """What handlers need of the process."""

    tables: AdminTables
    authority: Authority
    clock: Clock
    authority_id: str
    replacements: Replacements

    async def require_unchanged(self, call: Call, record: str, revision: int) -> None:
        """Raise ``conflict`` when someone changed the record since this client read it."""
        seen = call.if_match
        if seen is None:
            seen = await self.tables.last_read(call.caller.certificate, record)
        if seen is not None and seen != revision:
            raise conflict_error(
                f"{record} was changed by someone else since you read it; read it again and repeat"
                " the change"
            )


Handler: TypeAlias = Callable[[AdminServer, Call], Awaitable[Outcome]]


class Resource(NamedTuple):
    """One path, its handlers by method, and the name of its changes in the audit trail."""

    pattern: tuple[str, ...]
    """Segments below ``/admin/``; one in braces is variable."""
    name: str
    handlers: Mapping[str, Handler]


def check_name(text: str, what: str) -> None:
    """Raise ``malformed`` for a name that is empty, too long, or not printable in one line."""
    if not text:
        raise malformed_error(f"{what} cannot be empty")
    if len(text) > LONGEST_NAME:
        raise malformed_error(f"{what} is longer than {LONGEST_NAME} characters")
    if not text.isprintable() or text != text.strip():
        raise malformed_error(
            f"{what} has characters that cannot be printed, or blanks at its ends"
        )


def _super_error() -> NewelError:
    text = "must have super admin access to make this request"
    return unauthorized_error(text, detail=text)
