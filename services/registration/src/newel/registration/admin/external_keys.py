"""External account keys of an ACME provisioner (RFC 8555 §7.3.4), and the policies of their accounts."""

import datetime as dt
from collections.abc import Awaitable, Callable

import msgspec

from newel.jose import base64url
from newel.registration.admin import policies, responses
from newel.registration.admin.calls import AdminServer, Call, Outcome
from newel.registration.admin.provisioner_policies import load
from newel.registration.admin.records import (
    ExternalKey,
    StoredProvisioner,
    conflict_error,
    new_uuid,
    not_found_error,
)
from newel.registration.errors import malformed_error
from newel.registration.policy.approvals import Approvals
from newel.runtime.entropy import random_bytes
from newel.step.managed_messages import (
    ManagedExternalKey,
    NewExternalKey,
    listed_key,
    write_time,
)

_LONGEST_REFERENCE = 256
_KEY_SIZE = 32
_MOST_ACCOUNTS = 10_000
_LATEST_END = 253_402_300_799
"""The last second of the year 9999."""


async def list_keys(server: AdminServer, call: Call) -> Outcome:
    """Return one page of the keys of a provisioner, all of them or that of one reference."""
    provisioner = _load_acme(call)
    cursor, limit = call.page()
    reference = call.arguments[1] if len(call.arguments) > 1 else ""
    found = await server.tables.external_keys(provisioner.name, reference, cursor, limit + 1)
    page, rest = found[:limit], found[limit:]
    rows = [listed_key(_message(each), each.created_at, each.bound_at) for each in page]
    return Outcome(
        responses.json_response({"eaks": rows, "nextCursor": rest[0].id if rest else ""})
    )


async def add_key(server: AdminServer, call: Call) -> Outcome:
    """Add a key; this answer alone has the MAC key."""
    provisioner = _load_acme(call)
    asked = call.read(NewExternalKey)
    reference = asked.reference
    if len(reference) > _LONGEST_REFERENCE:
        raise malformed_error(
            f"reference length {len(reference)} exceeds the maximum ({_LONGEST_REFERENCE})"
        )
    if not reference.isprintable():
        raise malformed_error("the reference has characters that cannot be printed")
    if not 1 <= asked.most_accounts <= _MOST_ACCOUNTS:
        raise malformed_error(
            f"mostAccounts is {asked.most_accounts}: a key is for 1 to {_MOST_ACCOUNTS} accounts"
        )
    if asked.approved is not None:
        try:
            Approvals(asked.approved)
        except ValueError as error:
            raise malformed_error(str(error)[:300]) from None
    key = ExternalKey(
        new_uuid(), provisioner.name, reference, None, call.now, None, None, 0, asked.approved,
        asked.most_accounts, ends_at=_read_end(asked.not_after, call.now),
    )  # fmt: skip # a row
    mac_key = random_bytes(_KEY_SIZE)
    if not await server.tables.add_external_key(key, mac_key):
        raise conflict_error(
            f"an ACME EAB key for provisioner '{provisioner.name}' with reference '{reference}'"
            " already exists"
        )
    content = _message(key)
    content.hmac_key = mac_key
    facts = {
        "record": policies.key_label(key),
        "after": {
            "reference": reference,
            "provisioner": key.provisioner,
            "mostAccounts": key.most,
            **({"notAfter": write_time(key.ends_at)} if key.ends_at else {}),
            **({"approved": msgspec.to_builtins(key.approved)} if key.approved else {}),
        },
    }
    return Outcome(responses.json_response(content, 201), (), facts)


def _read_end(text: str, now: int) -> int | None:
    """Return a time in RFC 3339 as seconds since 1970; None for none. Raises ``malformed``."""
    if not text:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise malformed_error(f"notAfter is {text[:64]!r}: it is a time as in 2027-01-31T12:00:00Z")
    seconds = int(time.timestamp())
    if not now < seconds <= _LATEST_END:
        raise malformed_error(
            f"notAfter is {write_time(seconds)}: a key ends later than now, and by 9999"
        )
    return seconds


async def remove_key(server: AdminServer, call: Call) -> Outcome:
    """Remove a key: it binds no account any more. Those that it has bound stay, unless they are named.

    They can be revoked later as well, when the key is gone.
    """
    provisioner = _load_acme(call)
    asked = call.query.get("accounts", "")
    if asked not in {"", "revoke"}:
        raise malformed_error(f"accounts is {asked[:64]!r}: it is revoke, or left out")
    revoked = asked == "revoke"
    key = await _find(server, provisioner, call.arguments[1], or_removed=revoked)
    now = server.clock.now()
    if not await server.tables.remove_external_key(key.id, now, revoke_accounts=revoked):
        raise not_found_error("ACME External Account Key not found")
    before = {"reference": key.reference, "provisioner": key.provisioner}
    facts = {"record": policies.key_label(key), "before": before}
    if not revoked:
        return Outcome(responses.OK, (), facts)
    told = responses.json_response({"status": "ok", "accounts": "revoked"})
    return Outcome(told, (), {**facts, "after": {"accounts": "revoked"}})


KeyHandler = Callable[[AdminServer, Call, ExternalKey], Awaitable[Outcome]]


def by_reference(handler: KeyHandler) -> Callable[[AdminServer, Call], Awaitable[Outcome]]:
    """Make a handler of a policy whose path has the key's reference."""

    async def handle(server: AdminServer, call: Call) -> Outcome:
        provisioner = _load_acme(call)
        found = await server.tables.external_keys(provisioner.name, call.arguments[1], "", 1)
        if not found:
            raise not_found_error("ACME External Account Key not found")
        return await handler(server, call, found[0])

    return handle


def by_id(handler: KeyHandler) -> Callable[[AdminServer, Call], Awaitable[Outcome]]:
    """Make a handler of a policy whose path has the key's id."""

    async def handle(server: AdminServer, call: Call) -> Outcome:
        return await handler(server, call, await _find(server, _load_acme(call), call.arguments[1]))

    return handle


async def _find(
    server: AdminServer,
    provisioner: StoredProvisioner,
    identifier: str,
    *,
    or_removed: bool = False,
) -> ExternalKey:
    key = await server.tables.external_key(provisioner.name, identifier, or_removed=or_removed)
    if key is None:
        raise not_found_error("ACME External Account Key not found")
    return key


def _load_acme(call: Call) -> StoredProvisioner:
    """Return the ACME provisioner that the path names. Raises NewelError unless it takes external keys."""
    stored = load(call)
    record = stored.read()
    if record.get("type") != "ACME":
        raise malformed_error(f"error getting ACME details for provisioner '{stored.name}'")
    if not record.get("requireEAB"):
        raise malformed_error(f"ACME EAB not enabled for provisioner '{stored.name}'")
    return stored


def _message(key: ExternalKey) -> ManagedExternalKey:
    return ManagedExternalKey(
        id=key.id,
        provisioner=key.provisioner,
        reference=key.reference,
        account=base64url.encode(key.account) if key.account else "",
        created_at=write_time(key.created_at),
        bound_at=write_time(key.bound_at),
        approved=key.approved,
        most_accounts=key.most,
        bound_accounts=key.bound if key.most > 1 else 0,
        not_after="" if key.ends_at is None else write_time(key.ends_at),
    )
