"""External account keys of ACME provisioners: how they are shown, and what an authority without them says."""

import contextlib
import ipaddress
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

from newel.cli.errors import CliError

if TYPE_CHECKING:
    from newel.client.admin_calls import ExternalKey

NOT_IMPLEMENTED = 501
LISTED = (36, 28, 16, 30, 30, 40, 0)
MADE = (36, 28, 48, 0)


@contextlib.contextmanager
def explain_refusals(what: str) -> Generator[None]:
    """Say what was tried where the authority refuses it. Raises CliError."""
    from newel.client.errors import RefusedError

    try:
        yield
    except RefusedError as error:
        raise CliError(f"error {what}: {error.message}") from error


def require_honoured(
    key: "ExternalKey", most_accounts: int, *, has_approved: bool, not_after: str
) -> None:
    """Raise CliError where the authority made a key that is not what was asked for."""
    refused = [
        what
        for what, is_missing in (
            (f"for {most_accounts} accounts", key.most_accounts != most_accounts),
            ("with names that need no proof", has_approved and not key.has_approved),
            ("that end", bool(not_after) and not key.not_after),
        )
        if is_missing
    ]
    if refused:
        raise CliError(
            f"the authority knows no keys {' or '.join(refused)}, and made one that is not what was asked"
            f" for: remove it by 'ca acme eab remove {key.provisioner} {key.id}'"
        )


def sort_names(names: Iterable[str]) -> dict[str, list[str]]:
    """Sort names by what they are constraints on: addresses and networks, or DNS names."""
    found: dict[str, list[str]] = {}
    for name in names:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            found.setdefault("dns", []).append(name)
        else:
            found.setdefault("ip", []).append(name)
    return found


def line(cells: tuple[str, ...], widths: tuple[int, ...]) -> str:
    """One row, in columns of fixed widths."""
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def moment(text: str) -> str:
    """Return a time of the API as tables show it; "" for none."""
    import datetime as dt

    try:
        return (
            dt.datetime.fromisoformat(text).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S +00:00")
        )
    except ValueError:
        return ""


def as_json(key: "ExternalKey") -> dict[str, str | int]:
    """Return a key's members."""
    return {
        "id": key.id, "provisioner": key.provisioner, "reference": key.reference,
        "account": key.account, "key": key.key, "createdAt": key.created_at, "boundAt": key.bound_at,
        "mostAccounts": key.most_accounts, "boundAccounts": key.bound_accounts,
        "notAfter": key.not_after,
    }  # fmt: skip # a table
