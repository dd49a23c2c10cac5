"""The remote management half of the step API as values, like `newel.client.calls`.

Each needs an administrator's token for its own path: see :func:`authorised`.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode, urlsplit

from newel.client.answers import members, rows, text
from newel.client.calls import Answer, Call
from newel.client.errors import AnswerError

KINDS = {1: "ADMIN", 2: "SUPER_ADMIN"}
LATEST = 253402300800
NUMBERS = {name: number for number, name in KINDS.items()}


class Admin(NamedTuple):
    """An administrator: a name that one provisioner vouches for."""

    id: str
    subject: str
    provisioner_id: str
    kind: str
    """``ADMIN`` or ``SUPER_ADMIN``."""


class ExternalKey(NamedTuple):
    """A key that binds an ACME account to one the provisioner knows (RFC 8555 §7.3.4)."""

    id: str
    provisioner: str
    reference: str
    account: str
    key: str
    """The HMAC key, base64url; "" in lists."""
    created_at: str
    bound_at: str
    most_accounts: int = 1
    """How many accounts it may bind."""
    bound_accounts: int = 0
    """How many it has bound; ``account`` is the last."""
    has_approved: bool = False
    """Whether its accounts need not prove some names."""
    not_after: str = ""
    """When it ends, in RFC 3339; ``""``: never."""


class Replacement(NamedTuple):
    """A replacement that ACME clients are told of (RFC 9773), and how far it is."""

    id: str
    scope: str
    """``all``, ``issuer``, ``provisioner``, ``certificate`` or ``name``."""
    value: str
    issued_before: str
    total: int
    replaced: int
    last_minute: int = 0
    """How many of them were replaced in the last minute."""
    most_replaced_at: str = ""
    """When 99 % were replaced, in RFC 3339; ``""`` until then."""


class Policy(NamedTuple):
    """Whose policy: an authority's, a provisioner's, or an external account key's."""

    path: str

    @classmethod
    def of_authority(cls) -> "Policy":
        """Name the policy of the whole authority."""
        return cls("/admin/policy")

    @classmethod
    def of_provisioner(cls, name: str) -> "Policy":
        """Name the policy of one provisioner."""
        return cls(f"/admin/provisioners/{segment(name)}/policy")

    @classmethod
    def of_external_key(cls, provisioner: str, *, reference: str = "", key: str = "") -> "Policy":
        """Name the policy of an external account key, by its reference or its id."""
        which = f"reference/{segment(reference)}" if reference else f"key/{segment(key)}"
        return cls(f"/admin/acme/policy/{segment(provisioner)}/{which}")


def authorize(call: Call[Answer], token_for: Callable[[str], str]) -> Call[Answer]:
    """Return the call with the token that ``token_for`` makes for its path, without the query."""
    token = token_for(urlsplit(call.path).path)
    headers = {**call.headers, "Authorization": token}
    return Call(call.method, call.path, call.read, call.body, headers)


def presence() -> Call[None]:
    """Whether there is remote management: refused with 401 where there is, 404 or 501 where there is none."""
    return Call("GET", "/admin/admins", nothing)


def admins(cursor: str = "") -> Call[tuple[list[Admin], str]]:
    """One page of administrators, and the cursor of the next, "" after the last."""

    def read(body: bytes) -> tuple[list[Admin], str]:
        found = members(body)
        return [admin_of(row) for row in rows(found, "admins")], next_cursor(found)

    return Call("GET", f"/admin/admins?{urlencode({'cursor': cursor})}", read)


def create_admin(subject: str, provisioner: str, kind: str) -> Call[Admin]:
    """Create an administrator."""
    body = {"subject": subject, "provisioner": provisioner, "type": NUMBERS[kind]}
    return change("POST", "/admin/admins", body, lambda answer: admin_of(members(answer)))


def update_admin(identifier: str, kind: str) -> Call[Admin]:
    """Make an administrator a super administrator, or an ordinary one."""
    path = f"/admin/admins/{segment(identifier)}"
    return change("PATCH", path, {"type": NUMBERS[kind]}, lambda found: admin_of(members(found)))


def remove_admin(identifier: str) -> Call[None]:
    """Remove an administrator."""
    return Call("DELETE", f"/admin/admins/{segment(identifier)}", nothing)


def provisioner(identifier: str) -> Call[dict[str, Any]]:
    """Read the record of a provisioner by its id."""
    return Call("GET", f"/admin/provisioners/id?{urlencode({'id': identifier})}", members)


def policy(whose: Policy) -> Call[dict[str, Any]]:
    """Read a policy; it is refused with 404 when there is none."""
    return Call("GET", whose.path, members)


def put_policy(whose: Policy, content: dict[str, Any], *, new: bool) -> Call[dict[str, Any]]:
    """Store a policy and return it."""
    return change("POST" if new else "PUT", whose.path, content, members)


def remove_policy(whose: Policy) -> Call[None]:
    """Remove a policy."""
    return Call("DELETE", whose.path, nothing)


def external_keys(
    provisioner_name: str, reference: str = "", *, cursor: str = "", limit: int = 0
) -> Call[tuple[list[ExternalKey], str]]:
    """One page of external account keys, and the cursor of the next."""
    path = f"/admin/acme/eab/{segment(provisioner_name)}"
    path += f"/{segment(reference)}" if reference else ""
    query = urlencode({"cursor": cursor, **({"limit": limit} if limit else {})})

    def read(body: bytes) -> tuple[list[ExternalKey], str]:
        found = members(body)
        return [external_key_of(row) for row in rows(found, "eaks")], next_cursor(found)

    return Call("GET", f"{path}?{query}", read)


def create_external_key(
    provisioner_name: str,
    reference: str,
    approved: Mapping[str, Sequence[str]] | None = None,
    most_accounts: int = 1,
    not_after: str = "",
) -> Call[ExternalKey]:
    """Create an external account key; only this answer holds it.

    ``approved`` has the names that its accounts need not prove: lists under ``dns`` and ``ip``;
    ``most_accounts`` says how many it may bind, ``not_after`` until when, in RFC 3339.
    """
    path = f"/admin/acme/eab/{segment(provisioner_name)}"
    body: dict[str, Any] = {"reference": reference}
    if approved:
        body["approved"] = approved
    if most_accounts != 1:
        body["mostAccounts"] = most_accounts
    if not_after:
        body["notAfter"] = not_after
    return change("POST", path, body, lambda answer: external_key_of(members(answer)))


def remove_external_key(
    provisioner_name: str, identifier: str, *, revoke_accounts: bool = False
) -> Call[bool]:
    """Remove an external account key, and revoke the accounts that it has bound where that is asked.

    The answer is whether they were.
    """
    path = f"/admin/acme/eab/{segment(provisioner_name)}/{segment(identifier)}"
    if not revoke_accounts:
        return Call("DELETE", path, lambda _: False)
    return Call(
        "DELETE",
        f"{path}?accounts=revoke",
        lambda answer: members(answer).get("accounts") == "revoked",
    )


def replacements() -> Call[list[Replacement]]:
    """List the replacements that are not ended."""
    return Call(
        "GET",
        "/admin/acme/replacements",
        lambda body: [replacement_of(row) for row in rows(members(body), "replacements")],
    )


def order_replacement(scope: str, value: str = "") -> Call[Replacement]:
    """Order that every certificate of the scope which was issued before now is replaced."""
    body = {"scope": scope, "value": value}
    path = "/admin/acme/replacements"
    return change("POST", path, body, lambda answer: replacement_of(members(answer)))


def end_replacement(identifier: str) -> Call[None]:
    """End a replacement."""
    return Call("DELETE", f"/admin/acme/replacements/{segment(identifier)}", nothing)


def change(
    method: str, path: str, body: dict[str, Any], read: Callable[[bytes], Answer]
) -> Call[Answer]:
    """Return a call that carries JSON."""
    headers = {"Content-Type": "application/json"}
    return Call(method, path, read, json.dumps(body).encode(), headers)


def segment(name: str) -> str:
    """Return a name as one segment of a path.

    Characters that a path may hold are not escaped: step-ca looks names up as they were sent.
    """
    return quote(name, safe="$&+,:;=@")


def nothing(_: bytes) -> None:
    """Ignore the body of an answer whose status says everything."""


def next_cursor(found: dict[str, Any]) -> str:
    """Where the next page begins."""
    return text(found, "nextCursor", default="")


def admin_of(row: dict[str, Any]) -> Admin:
    """Return an administrator's record; lists and single answers spell it in two ways."""
    kind: object = row.get("type")
    kind = KINDS.get(kind, "") if isinstance(kind, int) else kind
    if not isinstance(kind, str):
        raise AnswerError("the authority's answer cannot be read: an administrator has no type")
    return Admin(text(row, "id"), text(row, "subject"), either(row, "provisioner_id"), kind)


def external_key_of(row: dict[str, Any]) -> ExternalKey:
    """Return a key's record, likewise."""
    names = ("id", "provisioner", "reference", "account", "hmac_key")
    identifier, whose, reference, account, key = (either(row, name) for name in names)
    unpadded = key.translate(str.maketrans("+/", "-_")).rstrip("=")
    created, bound = moment(row, "created_at"), moment(row, "bound_at")
    most = number(row, "most_accounts") or 1
    count = number(row, "bound_accounts") or int(bool(account))
    return ExternalKey(
        identifier, whose, reference, account, unpadded, created, bound, most, count,
        bool(row.get("approved")), either(row, "not_after"),
    )  # fmt: skip # a row


def number(row: dict[str, Any], name: str) -> int:
    """Return a member that is a number, under its snake-case or camel-case name; 0 if it is missing."""
    first, *others = name.split("_")
    value: object = row.get(name, row.get(first + "".join(word.title() for word in others)))
    return value if isinstance(value, int) else 0


def replacement_of(row: dict[str, Any]) -> Replacement:
    """Return a replacement's record."""
    counts: list[object] = [row.get(name) for name in ("total", "replaced", "lastMinute")]
    total, replaced, last_minute = (each if isinstance(each, int) else 0 for each in counts)
    identifier, scope, value = (either(row, name) for name in ("id", "scope", "value"))
    before = either(row, "issued_before")
    most_at = either(row, "most_replaced_at")
    return Replacement(identifier, scope, value, before, total, replaced, last_minute, most_at)


def moment(row: dict[str, Any], name: str) -> str:
    """Return a time in RFC 3339, which lists spell as seconds since 1970; "" if missing."""
    value: object = row.get(name)
    if not isinstance(value, dict):
        return either(row, name)
    seconds: object = cast("dict[str, object]", value).get("seconds")
    if not isinstance(seconds, int) or not 0 <= seconds < LATEST:
        return ""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def either(row: dict[str, Any], name: str) -> str:
    """Return a member under its snake-case or camel-case name; "" if it is missing or no text."""
    first, *others = name.split("_")
    camel = first + "".join(word.title() for word in others)
    value: object = row.get(name, row.get(camel))
    return value if isinstance(value, str) else ""
