"""Replacements of certificates, over HTTP."""

import datetime as dt
import re

import msgspec

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.registration.admin import responses
from newel.registration.admin.calls import AdminServer, Call, Outcome
from newel.registration.admin.records import conflict_error, new_uuid, not_found_error
from newel.registration.errors import malformed_error
from newel.registration.replacements import MAX_ACTIVE, Replacement, ReplacementScope
from newel.step.managed_messages import write_time

_LONGEST = 512
_SERIAL = re.compile(r"(?:0x)?[0-9a-f]{1,40}", re.ASCII | re.IGNORECASE)
"""At most 20 octets (RFC 5280 §4.1.2.2)."""


class NewReplacement(msgspec.Struct):
    """A request to have every certificate of a scope replaced that was issued before now."""

    scope: str
    value: str = ""
    explanation: str = ""


class ManagedReplacement(msgspec.Struct, rename="camel"):
    """A replacement that was ordered, and how far it is."""

    id: str
    scope: str
    value: str
    issued_before: str
    explanation: str
    ordered_by: str
    total: int
    replaced: int
    last_minute: int
    """How many of them in the last minute."""
    most_replaced_at: str
    """When 99 % were; ``""`` until then."""


async def list_replacements(server: AdminServer, call: Call) -> Outcome:
    """Return the replacements that are not ended, with their progress."""
    found = await server.replacements.active()
    rows = [await _describe(server, call, each) for each in found]
    return Outcome(responses.json_response({"replacements": rows}))


async def add_replacement(server: AdminServer, call: Call) -> Outcome:
    """Order a replacement; clients hear of it when they ask next."""
    asked = call.read(NewReplacement)
    new = Replacement(
        new_uuid(),
        *_read_scope(asked),
        dt.datetime.fromtimestamp(call.now, dt.UTC),
        _read_explanation(asked.explanation),
        call.caller.administrator.subject,
    )
    if not await server.replacements.add(new):
        raise conflict_error(f"there are {MAX_ACTIVE} replacements: end one of them first")
    content = await _describe(server, call, new)
    after = {"scope": new.scope.value, "value": new.value}
    facts = {"record": f"replacement {new.id}", "after": after}
    return Outcome(responses.json_response(content, 201), (), facts)


async def end_replacement(server: AdminServer, call: Call) -> Outcome:
    """End a replacement: certificates have their usual windows again."""
    identifier = call.arguments[0]
    if not await server.replacements.end(identifier, server.clock.now()):
        raise not_found_error("there is no such replacement")
    return Outcome(responses.OK, (), {"record": f"replacement {identifier[:_LONGEST]}"})


def _read_scope(asked: NewReplacement) -> tuple[ReplacementScope, str]:
    """Return the scope, and its value in its one spelling. Raises ``malformed``."""
    try:
        scope = ReplacementScope(asked.scope)
    except ValueError:
        known = ", ".join(each.value for each in ReplacementScope)
        raise malformed_error(f"the scope is one of {known}") from None
    value = asked.value
    if len(value) > _LONGEST or not value.isprintable():
        raise malformed_error("the value is too long, or cannot be printed")
    if (scope is ReplacementScope.ALL) is bool(value):
        raise malformed_error("every scope but all names what is replaced")
    if scope is ReplacementScope.CERTIFICATE:
        digits = value.replace(":", "")
        if not _SERIAL.fullmatch(digits):
            raise malformed_error("a certificate is named by its serial in hexadecimal")
        value = f"{int(digits, 16):x}"
    if scope is ReplacementScope.NAME:
        value = _read_name(value)
    return scope, value


def _read_name(text: str) -> str:
    """Return a DNS name or an address as certificates have it. Raises ``malformed``."""
    try:
        name = names.parse_san(text, UNDERSCORES)
    except InvalidNameError as error:
        raise malformed_error(str(error)[:300]) from None
    if not isinstance(name, names.DNSName | names.IPAddress):
        raise malformed_error("a name is a DNS name or an address")
    return str(name)


def _read_explanation(text: str) -> str:
    is_url = text.startswith(("https://", "http://")) and text.isprintable() and " " not in text
    if text and (len(text) > _LONGEST or not is_url):
        raise malformed_error("the explanation is a URL")
    return text


async def _describe(server: AdminServer, call: Call, one: Replacement) -> ManagedReplacement:
    progress = await server.replacements.count(one, dt.datetime.fromtimestamp(call.now, dt.UTC))
    before = write_time(int(one.issued_before.timestamp()))
    most_at = progress.most_at
    return ManagedReplacement(
        one.id, one.scope, one.value, before, one.explanation, one.ordered_by, progress.total,
        progress.replaced, progress.last_minute,
        "" if most_at is None else write_time(int(most_at.timestamp())),
    )  # fmt: skip # a row
