"""The resources below ``/admin``: their paths, and the handlers of their methods."""

from collections.abc import Mapping
from urllib.parse import unquote

from newel.registration.admin import (
    administrators,
    external_keys,
    openapi,
    policies,
    provisioner_policies,
    provisioners,
    replacements,
    responses,
    webhooks,
)
from newel.registration.admin.calls import AdminServer, Call, Outcome, Resource
from newel.registration.admin.external_keys import by_id, by_reference

PREFIX = "/admin/"


async def _describe(_server: AdminServer, _call: Call) -> Outcome:
    """Return this document."""
    return Outcome(responses.json_response(openapi.describe(PREFIX, RESOURCES)))


_KEY_POLICY: Mapping[str, external_keys.KeyHandler] = {
    "GET": policies.get_key_policy,
    "POST": policies.add_key_policy,
    "PUT": policies.change_key_policy,
    "DELETE": policies.remove_key_policy,
}
RESOURCES = (
    Resource(("openapi.json",), "openapi", {"GET": _describe}),
    Resource(
        ("admins",),
        "admin",
        {"GET": administrators.list_administrators, "POST": administrators.add_administrator},
    ),
    Resource(
        ("admins", "{id}"),
        "admin",
        {
            "GET": administrators.get_administrator,
            "PATCH": administrators.change_administrator,
            "DELETE": administrators.remove_administrator,
        },
    ),
    Resource(
        ("provisioners",),
        "provisioner",
        {"GET": provisioners.list_provisioners, "POST": provisioners.add_provisioner},
    ),
    Resource(
        ("provisioners", "{name}"),
        "provisioner",
        {
            "GET": provisioners.get_provisioner,
            "PUT": provisioners.change_provisioner,
            "DELETE": provisioners.remove_provisioner,
        },
    ),
    Resource(
        ("provisioners", "{name}", "policy"),
        "provisioner-policy",
        {
            "GET": provisioner_policies.get_policy,
            "POST": provisioner_policies.add_policy,
            "PUT": provisioner_policies.change_policy,
            "DELETE": provisioner_policies.remove_policy,
        },
    ),
    Resource(("provisioners", "{name}", "webhooks"), "webhook", {"POST": webhooks.add_webhook}),
    Resource(
        ("provisioners", "{name}", "webhooks", "{webhook}"),
        "webhook",
        {"PUT": webhooks.change_webhook, "DELETE": webhooks.remove_webhook},
    ),
    Resource(
        ("policy",),
        "policy",
        {
            "GET": policies.get_policy,
            "POST": policies.add_policy,
            "PUT": policies.change_policy,
            "DELETE": policies.remove_policy,
        },
    ),
    Resource(
        ("acme", "eab", "{provisioner}"),
        "external-key",
        {"GET": external_keys.list_keys, "POST": external_keys.add_key},
    ),
    Resource(
        ("acme", "eab", "{provisioner}", "{key}"),
        "external-key",
        {"GET": external_keys.list_keys, "DELETE": external_keys.remove_key},
    ),
    Resource(
        ("acme", "replacements"),
        "replacement",
        {"GET": replacements.list_replacements, "POST": replacements.add_replacement},
    ),
    Resource(
        ("acme", "replacements", "{id}"),
        "replacement",
        {"DELETE": replacements.end_replacement},
    ),
    Resource(
        ("acme", "policy", "{provisioner}", "reference", "{reference}"),
        "external-key-policy",
        {method: by_reference(each) for method, each in _KEY_POLICY.items()},
    ),
    Resource(
        ("acme", "policy", "{provisioner}", "key", "{id}"),
        "external-key-policy",
        {method: by_id(each) for method, each in _KEY_POLICY.items()},
    ),
)


def find_route(path: str) -> tuple[Resource, tuple[str, ...]] | None:
    """Return the resource of a path as it was sent, and its variable segments without escapes."""
    segments = tuple(filter(None, path.removeprefix(PREFIX).split("/")))
    for each in RESOURCES:
        if len(each.pattern) == len(segments) and all(
            own.startswith("{") or own == given
            for own, given in zip(each.pattern, segments, strict=True)
        ):
            variable = zip(each.pattern, segments, strict=True)
            return each, tuple(unquote(given) for own, given in variable if own.startswith("{"))
    return None
