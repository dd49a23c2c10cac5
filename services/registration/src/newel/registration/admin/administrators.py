"""Administrators: listed, added, changed and removed. The last super administrator stays."""

import msgspec

from newel.registration.admin import responses, storage
from newel.registration.admin.calls import AdminServer, Call, Outcome, check_name
from newel.registration.admin.records import (
    Administrator,
    explain,
    new_uuid,
)
from newel.registration.errors import malformed_error
from newel.runtime.errors import NewelError
from newel.step.managed_messages import ADMIN_TYPES, AdminChange, NewAdmin, listed_admin


async def list_administrators(server: AdminServer, call: Call) -> Outcome:
    """Return one page of administrators."""
    cursor, limit = call.page()
    found = [each for each in call.configuration.administrators.values() if each.id >= cursor]
    page, rest = found[:limit], found[limit:]
    rows = [listed_admin(each.message(server.authority_id), each.created_at) for each in page]
    content = {"admins": rows, "nextCursor": rest[0].id if rest else ""}
    return Outcome(responses.json_response(content))


async def get_administrator(server: AdminServer, call: Call) -> Outcome:
    """Return one administrator."""
    found = call.configuration.administrator(call.arguments[0])
    return Outcome(responses.json_response(found.message(server.authority_id)))


async def add_administrator(server: AdminServer, call: Call) -> Outcome:
    """Add an administrator; the caller must be a super administrator."""
    call.require_super()
    wanted = call.read(NewAdmin)
    check_name(wanted.subject, "subject")
    if not wanted.provisioner:
        raise malformed_error("provisioner cannot be empty")
    _check_type(wanted.type)
    try:
        provisioner = call.configuration.provisioner(wanted.provisioner)
    except NewelError as error:
        raise explain(error, f"error loading provisioner {wanted.provisioner[:256]}") from None
    if call.configuration.administrator_of(wanted.subject, provisioner.id) is not None:
        raise malformed_error(
            f"error storing admin: admin with subject {wanted.subject} and provisioner"
            f" {provisioner.name} already exists"
        )
    new = Administrator(new_uuid(), wanted.subject, provisioner.id, wanted.type, call.now)
    message = new.message(server.authority_id)
    return Outcome(
        responses.json_response(message, 201),
        (storage.add_administrator(new),),
        {"record": f"admin {new.subject}", "after": msgspec.to_builtins(message)},
    )


async def change_administrator(server: AdminServer, call: Call) -> Outcome:
    """Make an administrator a super administrator, or an ordinary one."""
    call.require_super()
    wanted = call.read(AdminChange)
    _check_type(wanted.type)
    identifier = call.arguments[0]
    context = f"error updating admin {identifier[:256]}"
    try:
        found = call.configuration.administrator(identifier)
    except NewelError as error:
        raise explain(error, context) from None
    changed = msgspec.structs.replace(found, type=wanted.type)
    if found.is_super and not changed.is_super and call.configuration.count_super() == 1:
        raise malformed_error(
            f"{context}: error updating cached admin {identifier}: cannot change role of last super admin"
        )
    before, after = (each.message(server.authority_id) for each in (found, changed))
    return Outcome(
        responses.json_response(after),
        (storage.set_type(found.id, wanted.type),),
        {
            "record": f"admin {found.subject}",
            "before": msgspec.to_builtins(before),
            "after": msgspec.to_builtins(after),
        },
    )


async def remove_administrator(server: AdminServer, call: Call) -> Outcome:
    """Remove an administrator."""
    call.require_super()
    identifier = call.arguments[0]
    context = (
        f"error deleting admin {identifier[:256]}: error removing admin {identifier[:256]}"
        " from authority cache"
    )
    try:
        found = call.configuration.administrator(identifier)
    except NewelError as error:
        raise explain(error, context) from None
    if found.is_super and call.configuration.count_super() == 1:
        raise malformed_error(f"{context}: cannot remove the last super admin")
    return Outcome(
        responses.OK,
        (storage.remove_administrator(found.id),),
        {
            "record": f"admin {found.subject}",
            "before": msgspec.to_builtins(found.message(server.authority_id)),
        },
    )


def _check_type(number: int) -> None:
    if number not in ADMIN_TYPES:
        raise malformed_error("invalid value for admin type")
