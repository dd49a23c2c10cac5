"""The policy of a provisioner, which is a member of its record."""

import msgspec

from newel.registration.admin import responses
from newel.registration.admin.calls import AdminServer, Call, Outcome
from newel.registration.admin.policies import read_policy
from newel.registration.admin.provisioners import label, replace_record
from newel.registration.admin.records import (
    Record,
    StoredProvisioner,
    conflict_error,
    explain,
    not_found_error,
)
from newel.runtime.errors import NewelError
from newel.step import managed_provisioners


async def get_policy(_server: AdminServer, call: Call) -> Outcome:
    """Return the policy of a provisioner."""
    stored = load(call)
    policy = _policy_of(stored)
    content = managed_provisioners.write_policy(policy)
    response = responses.json_response(content, revision=stored.revision)
    return Outcome(response, record=label(stored), revision=stored.revision)


async def add_policy(server: AdminServer, call: Call) -> Outcome:
    """Set the first policy of a provisioner."""
    stored = load(call)
    if stored.read().get("policy"):
        raise conflict_error(f"provisioner {stored.name} already has a policy")
    return _put(server, call, stored, 201, "error creating provisioner policy")


async def change_policy(server: AdminServer, call: Call) -> Outcome:
    """Replace the policy of a provisioner."""
    stored = load(call)
    _policy_of(stored)
    await server.require_unchanged(call, label(stored), stored.revision)
    return _put(server, call, stored, 200, "error updating provisioner policy")


async def remove_policy(server: AdminServer, call: Call) -> Outcome:
    """Remove the policy of a provisioner."""
    stored = load(call)
    _policy_of(stored)
    call.require_rights_over(stored)
    await server.require_unchanged(call, label(stored), stored.revision)
    record = stored.read()
    del record["policy"]
    outcome = replace_record(server, call, stored, record, "error deleting provisioner policy")
    return msgspec.structs.replace(outcome, response=responses.OK)


def load(call: Call) -> StoredProvisioner:
    """Return the provisioner that the path names. Raises ``notFound``."""
    name = call.arguments[0]
    try:
        return call.configuration.provisioner(name)
    except NewelError as error:
        raise explain(error, f"error loading provisioner {name[:256]}") from None


def _put(
    server: AdminServer, call: Call, stored: StoredProvisioner, status: int, context: str
) -> Outcome:
    call.require_rights_over(stored)
    policy = read_policy(call, "provisioner")
    record: Record = {**stored.read(), "policy": policy}
    outcome = replace_record(server, call, stored, record, context)
    content = managed_provisioners.write_policy(policy)
    response = responses.json_response(content, status, revision=outcome.revision)
    return msgspec.structs.replace(outcome, response=response)


def _policy_of(stored: StoredProvisioner) -> Record:
    policy: Record | None = stored.read().get("policy")
    if not policy:
        raise not_found_error("provisioner policy does not exist")
    return policy
