"""What a list command asks for, from its flags; and the pages of the answer, one after the other."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import pagination
from newel.cli.operations.inventory.key_names import HEX, digest_of_key
from newel.cli.operations.times import resolve_time

if TYPE_CHECKING:
    from newel.client.authority import Authority
    from newel.client.catalogue import Kind

TIMES = (
    "expires-after", "expires-before", "issued-after", "issued-before", "opened-after", "opened-before",
)  # fmt: skip # words in rows
FILTERS = (
    "type", "state", "subject", "name", "search", "provisioner", "provisioner-type", "issuer", "endpoint",
    "severity", "serial", "key", "acknowledged", "kind", "owner", "channel", "alert", *TIMES,
)  # fmt: skip # words in rows
"""The flags that filter; no list has them all."""
SORTS: Mapping["Kind", Sequence[str]] = {
    "certificates": ("issued", "expires"),
    "endpoints": ("issued", "expires"),
    "alerts": ("opened", "expires"),
    "deliveries": ("queued",),
    "silences": ("ends",),
}
"""The orders of each list; without --sort it is the first, the latest first."""
NOT_FOUND = 404
LONGEST = 40
"""Hexadecimal digits of a serial number."""


class Query(NamedTuple):
    """What a list command asks for: the texts of the filters by their flags, and the order."""

    filters: Mapping[str, str]
    sort: str | None = None


def resolve_filters(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters as the service takes them; a duration counts from now, -24h being yesterday.

    Raises UsageError.
    """
    from newel.client.clock import now

    found: dict[str, str] = {}
    for flag, text in given.items():
        name = flag.replace("-", "_")
        if flag == "serial":
            found[name] = serial_number(text)
        elif flag == "key":
            found[name] = digest_of_key(text)
        elif flag not in TIMES:
            found[name] = text
        elif (moment := resolve_time(text, flag, now())) is not None:
            found[name] = moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return found


def entries(
    query: Query, authority: "Authority", kind: "Kind", limit: int
) -> Iterator[dict[str, Any]]:
    """Yield the entries of the query, ``limit`` at most or, with 0, all; read page by page."""
    from newel.client import catalogue

    sorts = [f"{order}{column}" for column in SORTS[kind] for order in ("", "-")]
    sort = query.sort or sorts[1]
    if sort not in sorts:
        options = ", ".join(sorts)
        raise UsageError(f"invalid value '{sort}' for flag '--sort'; options are {options}")
    wanted = resolve_filters(query.filters)

    def ask(size: int, cursor: str) -> "catalogue.Page":
        return authority.send(catalogue.entries(kind, wanted, sort=sort, limit=size, cursor=cursor))

    yield from pagination.read(ask, limit, catalogue.LARGEST_PAGE)


def not_found(readings: Sequence[str]) -> CliError:
    """Return the error for a number that is no certificate's in any reading."""
    hexadecimal, decimal = readings[0], int(readings[-1], 16)
    return CliError(
        f"no certificate has the serial number {hexadecimal}, read as hexadecimal, nor {decimal}, read as"
        " decimal"
    )


def serial_number(word: str) -> str:
    """Return a serial number as the inventory writes it: lower-case hexadecimal, two digits an octet.

    Raises UsageError.
    """
    return serial_numbers(word)[0]


def serial_numbers(word: str) -> Sequence[str]:
    """All that a serial number may mean, the likeliest first. Raises UsageError.

    Hexadecimal, with colons and a leading 0x if one likes, or decimal as other programs show it. Digits alone
    may be either, up to the 40 of the longest serial number in hexadecimal (RFC 5280 §4.1.2.2); more are decimal.
    """
    digits = word.lower().removeprefix("0x").replace(":", "")
    if not digits.isascii() or not HEX.issuperset(digits) or not digits:
        raise UsageError(f"'{word}' is not a serial number in hexadecimal or decimal")
    found = [] if len(digits) > LONGEST else [digits]
    if word.isdigit():
        found.append(f"{int(word):x}")
    found = [each.zfill(len(each) + len(each) % 2) for each in found]
    if not found or len(found[-1]) > LONGEST:
        raise UsageError(f"'{word}' is longer than any serial number")
    if not int(digits, 16):
        raise UsageError("no certificate has the serial number 0")
    return found
