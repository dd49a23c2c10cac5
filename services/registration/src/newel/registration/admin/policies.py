"""Policies of the authority, of a provisioner, and of the account that an external account key binds."""

from collections.abc import Sequence

import msgspec

from newel.registration.admin import responses, storage
from newel.registration.admin.calls import AdminServer, Call, Outcome
from newel.registration.admin.records import (
    ExternalKey,
    Record,
    conflict_error,
    not_found_error,
)
from newel.registration.errors import malformed_error
from newel.registration.policy.levels import compile_policies
from newel.registration.policy.lockout import require_no_lock_out
from newel.runtime.errors import NewelError
from newel.step import managed_provisioners
from newel.step.managed_messages import ManagedPolicy
from newel.step.policies import PolicyConfig

AUTHORITY = "the policy of the authority"


async def get_policy(_server: AdminServer, call: Call) -> Outcome:
    """Return the authority's policy."""
    stored = call.configuration.policy
    if stored is None:
        raise _missing_error("authority")
    content = managed_provisioners.write_policy(stored.policy)
    response = responses.json_response(content, revision=stored.revision)
    return Outcome(response, record=AUTHORITY, revision=stored.revision)


async def add_policy(_server: AdminServer, call: Call) -> Outcome:
    """Set the authority's first policy."""
    if call.configuration.policy is not None:
        raise conflict_error("authority already has a policy")
    return _put(call, None, "error storing authority policy")


async def change_policy(server: AdminServer, call: Call) -> Outcome:
    """Replace the authority's policy."""
    stored = call.configuration.policy
    if stored is None:
        raise _missing_error("authority")
    await server.require_unchanged(call, AUTHORITY, stored.revision)
    return _put(call, stored.policy, "error updating authority policy")


async def remove_policy(server: AdminServer, call: Call) -> Outcome:
    """Remove the authority's policy."""
    stored = call.configuration.policy
    if stored is None:
        raise _missing_error("authority")
    await server.require_unchanged(call, AUTHORITY, stored.revision)
    facts = {"record": AUTHORITY, "before": stored.policy}
    return Outcome(responses.OK, (storage.remove_policy(),), facts)


def _put(call: Call, before: Record | None, context: str) -> Outcome:
    policy = read_policy(call, "authority")
    subjects = [each.subject for each in call.configuration.administrators.values()]
    check_lock_out(policy, [call.caller.administrator.subject, *subjects], context)
    content = managed_provisioners.write_policy(policy)
    return Outcome(
        responses.json_response(
            content, 201 if before is None else 200, revision=call.next_revision
        ),
        (storage.put_policy(policy, call.next_revision),),
        {"record": AUTHORITY, "before": before, "after": policy},
        AUTHORITY,
        call.next_revision,
    )


# ---------------------------------------------------------------- of the account of an external key
async def get_key_policy(_server: AdminServer, _call: Call, key: ExternalKey) -> Outcome:
    """Return the policy of an external account key."""
    if key.policy is None:
        raise _missing_error("ACME EAK")
    content = managed_provisioners.write_policy(key.policy)
    response = responses.json_response(content, revision=key.revision)
    return Outcome(response, record=key_label(key), revision=key.revision)


async def add_key_policy(server: AdminServer, call: Call, key: ExternalKey) -> Outcome:
    """Set the first policy of an external account key."""
    if key.policy is not None:
        raise conflict_error(f"ACME EAK {key.id} already has a policy")
    return await _put_key_policy(server, call, key, 201)


async def change_key_policy(server: AdminServer, call: Call, key: ExternalKey) -> Outcome:
    """Replace the policy of an external account key."""
    if key.policy is None:
        raise _missing_error("ACME EAK")
    await server.require_unchanged(call, key_label(key), key.revision)
    return await _put_key_policy(server, call, key, 200)


async def remove_key_policy(server: AdminServer, call: Call, key: ExternalKey) -> Outcome:
    """Remove the policy of an external account key."""
    if key.policy is None:
        raise _missing_error("ACME EAK")
    await server.require_unchanged(call, key_label(key), key.revision)
    await _store_key_policy(server, key, None)
    return Outcome(responses.OK, (), {"record": key_label(key), "before": key.policy})


async def _put_key_policy(
    server: AdminServer, call: Call, key: ExternalKey, status: int
) -> Outcome:
    policy = read_policy(call, "ACME EAK")
    check_lock_out(policy, (), "error validating ACME EAK policy")
    await _store_key_policy(server, key, policy)
    content = managed_provisioners.write_policy(policy)
    revision = key.revision + 1
    return Outcome(
        responses.json_response(content, status, revision=revision),
        (),
        {"record": key_label(key), "before": key.policy, "after": policy},
        key_label(key),
        revision,
    )


async def _store_key_policy(server: AdminServer, key: ExternalKey, policy: Record | None) -> None:
    if not await server.tables.set_key_policy(key, policy):
        raise conflict_error(f"{key_label(key)} was changed by someone else at the same time")


def key_label(key: ExternalKey) -> str:
    """Return how an external account key is named in the audit trail and in errors."""
    return f"external account key {key.id}"


def read_policy(call: Call, whose: str) -> Record:
    """Return the policy in the body, as ca.json has it. Raises ``malformed``."""
    record = managed_provisioners.read_policy(call.read(ManagedPolicy))
    try:
        compile_policies(msgspec.convert(record, PolicyConfig))
    except ValueError as error:
        raise malformed_error(f"error validating {whose} policy: {error}"[:1000]) from None
    return record


def check_lock_out(policy: Record | None, subjects: Sequence[str], context: str) -> None:
    """Raise ``malformed`` for a policy under which an administrator gets no certificate any more."""
    if policy is None:
        return
    try:
        require_no_lock_out(msgspec.convert(policy, PolicyConfig), subjects)
    except ValueError as error:
        raise malformed_error(f"{context}: {error}"[:1000]) from None


def _missing_error(whose: str) -> NewelError:
    return not_found_error(f"{whose} policy does not exist")
