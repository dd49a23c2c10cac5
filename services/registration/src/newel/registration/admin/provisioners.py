"""Provisioners: read, added, changed and removed. A change keeps what the messages have no word for."""

from typing import Any

import msgspec

from newel.registration.admin import responses, storage
from newel.registration.admin.calls import AdminServer, Call, Outcome, check_name
from newel.registration.admin.policies import check_lock_out
from newel.registration.admin.records import (
    Record,
    StoredProvisioner,
    explain,
    new_uuid,
)
from newel.registration.errors import malformed_error
from newel.runtime.errors import NewelError
from newel.step import managed_provisioners
from newel.step.managed_messages import NO_TIME, ManagedProvisioner, write_time
from newel.step.provisioners import (
    ProvisionerConfig,
    from_mapping,
    to_json,
    to_mapping,
    to_public,
)


async def list_provisioners(server: AdminServer, call: Call) -> Outcome:
    """Return one page of provisioners, as everyone sees them."""
    cursor, limit = call.page()
    page, following = server.authority.provisioners.page(cursor, limit)
    return Outcome(responses.json_response({"provisioners": list(page), "nextCursor": following}))


async def get_provisioner(server: AdminServer, call: Call) -> Outcome:
    """Return one provisioner, by its name or by the id in the query."""
    found = _find(call)
    content = write_stored(server, found)
    return Outcome(
        responses.json_response(content, revision=found.revision),
        record=label(found),
        revision=found.revision,
    )


async def add_provisioner(server: AdminServer, call: Call) -> Outcome:
    """Add a provisioner."""
    message = call.read(ManagedProvisioner)
    context = f"error storing provisioner {message.name[:256]}"
    check_name(message.name, "provisioner name")
    record = _read(message, None)
    config = check_record(server, call, record, context)
    last = max((each.position for each in call.configuration.provisioners.values()), default=-1)
    new = StoredProvisioner(
        new_uuid(),
        config.name,
        last + 1,
        to_json(config),
        call.now,
        call.next_revision,
    )
    return Outcome(
        responses.json_response(write_stored(server, new), 201),
        (storage.put_provisioner(new),),
        {"record": label(new), "after": describe(config)},
        label(new),
        call.next_revision,
    )


async def change_provisioner(server: AdminServer, call: Call) -> Outcome:
    """Replace a provisioner."""
    name = call.arguments[0]
    try:
        stored = call.configuration.provisioner(name)
    except NewelError as error:
        raise explain(
            error, f"error loading provisioner from cached configuration '{name[:256]}'"
        ) from None
    call.require_rights_over(stored)
    await server.require_unchanged(call, label(stored), stored.revision)
    message = call.read(ManagedProvisioner)
    before = stored.read()
    _check_fixed(server, message, stored, before)
    check_name(message.name, "provisioner name")
    return replace_record(
        server, call, stored, _read(message, before), f"error updating provisioner {name}"
    )


async def remove_provisioner(server: AdminServer, call: Call) -> Outcome:
    """Remove a provisioner, and its administrators with it."""
    stored = _find(call)
    call.require_rights_over(stored)
    await server.require_unchanged(call, label(stored), stored.revision)
    if call.configuration.count_super(without=stored.id) == 0:
        raise malformed_error(
            f"error removing provisioner {stored.name}: cannot remove provisioner {stored.name}"
            " because no super admins will remain"
        )
    return Outcome(
        responses.OK,
        storage.remove_provisioner(stored, call.now),
        {"record": label(stored), "before": public(stored)},
    )


def replace_record(
    server: AdminServer, call: Call, stored: StoredProvisioner, record: Record, context: str
) -> Outcome:
    """Return the outcome of replacing a provisioner's record. Raises NewelError."""
    config = check_record(server, call, record, context, stored)
    after = msgspec.structs.replace(
        stored, name=config.name, record=to_json(config), revision=call.next_revision
    )
    return Outcome(
        responses.json_response(write_stored(server, after), revision=after.revision),
        storage.update_provisioner(stored, after),
        {"record": label(stored), "before": public(stored), "after": describe(config)},
        label(after),
        after.revision,
    )


def check_record(
    server: AdminServer,
    call: Call,
    record: Record,
    context: str,
    stored: StoredProvisioner | None = None,
) -> ProvisionerConfig:
    """Check a record that takes the place of ``stored``. Raises ``malformed`` for one that cannot be used."""
    name = str(record["name"])
    known = call.configuration.provisioners.get(name)
    if known is not None and (stored is None or known.id != stored.id):
        raise malformed_error(f"{context}: provisioner with name {name} already exists")
    try:
        config = from_mapping(record)
        server.authority.check_provisioner(config, stored.name if stored else "")
    except ValueError as error:
        raise malformed_error(
            f'{context}: error validating configuration for provisioner "{name}": {error}'[:1000]
        ) from None
    subjects = [
        each.subject
        for each in call.configuration.administrators.values()
        if stored is not None and each.provisioner == stored.id
    ]
    check_lock_out(record.get("policy"), subjects, context)
    return config


def write_stored(server: AdminServer, stored: StoredProvisioner) -> Record:
    """Return a provisioner as clients get it; the secrets of its webhooks are not part of it."""
    content = managed_provisioners.write_provisioner(stored.read())
    return {
        "id": stored.id,
        "authorityId": server.authority_id,
        **content,
        "createdAt": write_time(stored.created_at),
        "deletedAt": NO_TIME,
    }


def label(stored: StoredProvisioner) -> str:
    """Return how a provisioner is named in the audit trail and in errors."""
    return f"provisioner {stored.name}"


def public(stored: StoredProvisioner) -> dict[str, Any]:
    """Return what the audit trail says of a stored record."""
    return describe(from_mapping(stored.read()))


def describe(config: ProvisionerConfig) -> dict[str, Any]:
    """Return a record without secrets, but with the policy, which its public part leaves out."""
    policy = to_mapping(config).get("policy")
    return {**to_public(config), **({"policy": policy} if policy else {})}


def _find(call: Call) -> StoredProvisioner:
    identifier, name = call.query.get("id", ""), call.arguments[0]
    try:
        if identifier:
            return call.configuration.provisioner_by_id(identifier)
        return call.configuration.provisioner(name)
    except NewelError as error:
        raise explain(error, f"error loading provisioner {(identifier or name)[:256]}") from None


def _read(message: ManagedProvisioner, stored: Record | None) -> Record:
    try:
        return managed_provisioners.read_provisioner(message, stored)
    except ValueError as error:
        raise malformed_error(str(error)[:300]) from None


def _check_fixed(
    server: AdminServer, message: ManagedProvisioner, stored: StoredProvisioner, before: Record
) -> None:
    """Raise ``malformed`` for a change of what cannot be changed."""
    fixed = (
        ("ID", message.id, stored.id),
        ("type", message.type, str(before["type"]).upper()),
        ("authorityID", message.authority_id, server.authority_id),
        ("createdAt", message.created_at, write_time(stored.created_at)),
        ("deletedAt", message.deleted_at or NO_TIME, NO_TIME),
    )
    for name, given, own in fixed:
        if given != own:
            raise malformed_error(f"cannot change provisioner {name}")
