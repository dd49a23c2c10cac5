"""Webhooks of a provisioner: the authority makes their ids and secrets, and shows a secret once."""

import base64
from typing import Any
from urllib.parse import urlsplit

import msgspec

from newel.registration.admin import responses
from newel.registration.admin.calls import AdminServer, Call, Outcome, check_name
from newel.registration.admin.provisioner_policies import load
from newel.registration.admin.provisioners import replace_record
from newel.registration.admin.records import (
    Record,
    StoredProvisioner,
    conflict_error,
    new_uuid,
    not_found_error,
)
from newel.registration.errors import malformed_error
from newel.runtime.entropy import random_bytes
from newel.step import managed_provisioners
from newel.step.managed_messages import ManagedWebhook

_SECRET_SIZE = 64


async def add_webhook(server: AdminServer, call: Call) -> Outcome:
    """Add a webhook; this answer alone has its secret."""
    stored = load(call)
    call.require_rights_over(stored)
    message = _read(call)
    if message.secret:
        raise malformed_error("webhook secret must not be set")
    if message.id:
        raise malformed_error("webhook ID must not be set")
    record = stored.read()
    webhooks = managed_provisioners.webhooks_of(record)
    if any(each.get("name") == message.name for each in webhooks):
        raise conflict_error(
            f'provisioner "{stored.name}" already has a webhook with the name "{message.name}"'
        )
    secret = base64.b64encode(random_bytes(_SECRET_SIZE)).decode()
    made = msgspec.structs.replace(message, id=new_uuid(), secret=secret)
    webhooks.append(managed_provisioners.read_webhook(made))
    outcome = _replace(server, call, stored, record, webhooks, "creating")
    return msgspec.structs.replace(outcome, response=responses.json_response(made, 201))


async def change_webhook(server: AdminServer, call: Call) -> Outcome:
    """Replace a webhook; its id and its secret stay."""
    stored = load(call)
    call.require_rights_over(stored)
    message = _read(call)
    record = stored.read()
    webhooks = managed_provisioners.webhooks_of(record)
    index = _find(webhooks, message.name)
    if index is None:
        raise not_found_error(
            f'provisioner "{stored.name}" has no webhook with the name "{message.name}"'
        )
    known = webhooks[index]
    if message.secret and message.secret != known.get("secret"):
        raise malformed_error("webhook secret cannot be updated")
    if message.id and message.id != known.get("id"):
        raise malformed_error("webhook ID cannot be updated")
    changed = managed_provisioners.read_webhook(message)
    webhooks[index] = managed_provisioners.keep_secrets(changed, [known])
    outcome = _replace(server, call, stored, record, webhooks, "updating")
    content: dict[str, Any] = managed_provisioners.write_webhook(webhooks[index])
    if message.bearer_token or message.basic_auth:  # what the client has set is shown to it
        given = msgspec.to_builtins(message)
        names = ("bearerToken", "basicAuth")
        content |= {name: given[name] for name in names if name in given}
    return msgspec.structs.replace(outcome, response=responses.json_response(content, 201))


async def remove_webhook(server: AdminServer, call: Call) -> Outcome:
    """Remove a webhook; one that is not there is as good as removed."""
    stored = load(call)
    call.require_rights_over(stored)
    record = stored.read()
    webhooks = managed_provisioners.webhooks_of(record)
    index = _find(webhooks, call.arguments[1])
    if index is None:
        return Outcome(responses.OK)
    del webhooks[index]
    outcome = _replace(server, call, stored, record, webhooks, "deleting")
    return msgspec.structs.replace(outcome, response=responses.OK)


def _replace(
    server: AdminServer,
    call: Call,
    stored: StoredProvisioner,
    record: Record,
    webhooks: list[Record],
    verb: str,
) -> Outcome:
    options: Record = {**(record.get("options") or {}), "webhooks": webhooks}
    if not webhooks:
        del options["webhooks"]
    return replace_record(
        server, call, stored, {**record, "options": options}, f"error {verb} provisioner webhook"
    )


def _read(call: Call) -> ManagedWebhook:
    """Return the webhook in the body. Raises ``malformed``."""
    message = call.read(ManagedWebhook)
    if not message.name:
        raise malformed_error("webhook name is required")
    check_name(message.name, "webhook name")
    try:
        url = urlsplit(message.url)
        _ = url.port
    except ValueError:
        raise malformed_error("webhook url is invalid") from None
    if not url.hostname:
        raise malformed_error("webhook url is invalid")
    if url.scheme != "https":
        raise malformed_error("webhook url must use https")
    if url.username is not None or url.password is not None:
        raise malformed_error("webhook url may not contain username or password")
    problem = managed_provisioners.check_webhook(message)
    if problem:
        raise malformed_error(problem)
    return message


def _find(webhooks: list[Record], name: str) -> int | None:
    return next((i for i, each in enumerate(webhooks) if each.get("name") == name), None)
