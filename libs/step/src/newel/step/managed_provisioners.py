"""Provisioners and policies between an authority's records and the messages of remote management.

Records are as in ca.json. What a message has no word for, such as the ``newel`` section, is taken over from
the record that it replaces.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from newel.step import managed
from newel.step.managed_messages import ManagedPolicy, ManagedProvisioner, ManagedWebhook
from newel.step.webhooks import WebhookCertificateType, WebhookKind

Record = dict[str, Any]

_NAMES: Final = {
    "commonNames": "cn",
    "dns": "dns",
    "emails": "email",
    "ips": "ip",
    "principals": "principal",
    "uris": "uri",
}
_CA_JSON_NAMES: Final = {name: message for message, name in _NAMES.items()}
_WEBHOOK: Final = {
    "id": "id",
    "name": "name",
    "url": "url",
    "kind": "kind",
    "certType": "certType",
    "disableTlsClientAuth": "disableTLSClientAuth",
    "secret": "secret",
}
_TEMPLATE: Final = ("template", "templateData")
SECRETS_OF_WEBHOOKS: Final = ("secret", "bearerToken", "basicAuth")
"""Members of a webhook's record that are not shown again."""


def read_policy(message: ManagedPolicy) -> Record:
    """Return a policy as ca.json has it, each name once."""
    return cast("Record", _rename(msgspec.to_builtins(message), _NAMES))


def write_policy(policy: Mapping[str, Any]) -> Record:
    """Return a policy of ca.json's form as remote management writes it."""
    return cast("Record", _rename(policy, _CA_JSON_NAMES))


def _rename(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {names.get(name, name): _rename(inner, names) for name, inner in members.items()}
    if isinstance(value, list | tuple):
        return list(dict.fromkeys(cast("Sequence[str]", value)))
    return value


def read_webhook(message: ManagedWebhook) -> Record:
    """Return a webhook as ca.json has it."""
    given = cast("Record", msgspec.to_builtins(message))
    record = {ours: given[theirs] for theirs, ours in _WEBHOOK.items() if given.get(theirs)}
    if message.bearer_token and message.bearer_token.bearer_token:
        record["bearerToken"] = message.bearer_token.bearer_token
    if message.basic_auth:
        record["basicAuth"] = msgspec.to_builtins(message.basic_auth)
    return record


def write_webhook(record: Mapping[str, Any]) -> Record:
    """Return a webhook's record as remote management writes it, without its secrets."""
    return {
        theirs: record[ours]
        for theirs, ours in _WEBHOOK.items()
        if record.get(ours) and ours not in SECRETS_OF_WEBHOOKS
    }


def check_webhook(message: ManagedWebhook) -> str:
    """Return why the kind or the type of certificates of a webhook is none, or "" ."""
    if message.kind not in WebhookKind.__members__:
        return f'webhook kind "{message.kind[:64] or "NO_KIND"}" is invalid'
    if message.cert_type and message.cert_type not in WebhookCertificateType.__members__:
        return f'webhook certificate type "{message.cert_type[:64]}" is invalid'
    return ""


def read_provisioner(message: ManagedProvisioner, stored: Record | None = None) -> Record:
    """Return the record of a provisioner that replaces ``stored``. Raises ValueError.

    The secrets of webhooks that the message leaves out stay as they are.
    """
    kind = managed.KINDS.get(message.type)
    if kind is None:
        raise ValueError(f"invalid value for enum field type: {message.type[:64]!r}")
    _check_details(kind, message.details)
    record = managed.from_managed(cast("Record", msgspec.to_builtins(message)))
    before = stored or {}
    if message.policy is not None:
        record["policy"] = read_policy(message.policy)
    webhooks = [keep_secrets(read_webhook(each), webhooks_of(before)) for each in message.webhooks]
    if webhooks:
        record.setdefault("options", {})["webhooks"] = webhooks
    return _keep_unnamed(record, before, kind)


def keep_secrets(webhook: Record, stored: Sequence[Record]) -> Record:
    """Return a webhook's record with the secrets that the one of the same name has, where it has none."""
    known = next((each for each in stored if each.get("name") == webhook.get("name")), None)
    if known is None:
        return webhook
    kept = {name: known[name] for name in ("id", "secret") if name in known}
    if "bearerToken" not in webhook and "basicAuth" not in webhook:
        kept |= {name: known[name] for name in ("bearerToken", "basicAuth") if name in known}
    return {**webhook, **kept}


def webhooks_of(record: Mapping[str, Any]) -> list[Record]:
    """Return the webhooks of a provisioner's record."""
    options = cast("Mapping[str, Any]", record.get("options") or {})
    return list(options.get("webhooks") or ())


def write_provisioner(record: Record) -> Record:
    """Return a provisioner as remote management writes it, without what only the authority knows of it."""
    message = managed.to_managed(record)
    message["claims"] = {"x509": {"enabled": True}, **message.get("claims", {})}
    if record.get("policy"):
        message["policy"] = write_policy(record["policy"])
    webhooks = [write_webhook(each) for each in webhooks_of(record)]
    if webhooks:
        message["webhooks"] = webhooks
    return message


def _check_details(kind: str, details: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ValueError for a member of the details that this kind does not have."""
    others = [name for name in details if name != kind]
    if others:
        raise ValueError(f"unknown field {others[0][:64]!r} in the details of a {kind} provisioner")
    tree: dict[str, Any] = {}
    for member in managed.DETAILS[kind]:
        branch = tree
        for name in member.managed:
            branch = branch.setdefault(name, {})
    _check_members(details.get(kind, {}), tree)


def _check_members(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"unknown field {name[:64]!r}")
        if known[name]:
            if not isinstance(value, dict):
                raise ValueError(f"{name} must be an object")
            _check_members(cast("Record", value), known[name])


def _keep_unnamed(record: Record, stored: Record, kind: str) -> Record:
    """Return the record with those members of the stored one that messages have no word for."""
    named = {member.record[0] for member in managed.members_of(kind)}
    named |= {"type", "policy", "claims", "options"}
    record |= {name: value for name, value in stored.items() if name not in named}
    for name, inner in cast("Record", stored.get("options") or {}).items():
        if name not in {"x509", "ssh", "webhooks"}:
            record.setdefault("options", {})[name] = inner
        elif name != "webhooks":
            own = {key: each for key, each in inner.items() if key not in _TEMPLATE}
            if own:
                record.setdefault("options", {}).setdefault(name, {}).update(own)
    return record
