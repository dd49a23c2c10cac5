"""The OpenAPI document of remote management, written from its table of resources."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from newel.registration.admin.calls import Resource
from newel.registration.admin.replacements import ManagedReplacement, NewReplacement
from newel.registration.paging import DEFAULT_PAGE, MAX_PAGE
from newel.step.managed_messages import (
    AdminChange,
    ManagedAdmin,
    ManagedExternalKey,
    ManagedPolicy,
    ManagedProvisioner,
    ManagedWebhook,
    NewAdmin,
    NewExternalKey,
)

Document = dict[str, Any]

_ANSWERS: Mapping[str, type] = {
    "admin": ManagedAdmin,
    "provisioner": ManagedProvisioner,
    "provisioner-policy": ManagedPolicy,
    "webhook": ManagedWebhook,
    "policy": ManagedPolicy,
    "external-key": ManagedExternalKey,
    "external-key-policy": ManagedPolicy,
    "replacement": ManagedReplacement,
}
"""What the requests for one resource are answered with, by the name of the resource."""
_BODIES: Mapping[tuple[str, str], type] = {
    ("admin", "POST"): NewAdmin,
    ("admin", "PATCH"): AdminChange,
    ("external-key", "POST"): NewExternalKey,
    ("replacement", "POST"): NewReplacement,
}
"""What requests carry, where it is not what they are answered with."""
_LISTS: Mapping[tuple[str, ...], str] = {
    ("admins",): "admins",
    ("provisioners",): "provisioners",
    ("acme", "replacements"): "replacements",
    ("acme", "eab", "{provisioner}"): "eaks",
    ("acme", "eab", "{provisioner}", "{key}"): "eaks",
}
"""Paths whose GET is answered with a page, and the member that has its rows."""
_REVISIONS = frozenset({"provisioner", "provisioner-policy", "policy", "external-key-policy"})
"""Resources with an entity tag, which a change may expect."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_SEGMENTS = {"key": "the reference of a key for GET, its id for DELETE"}
_ERROR: Document = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("type", "detail", "message")},
    "required": ["type", "detail", "message"],
}
_STATUS: Document = {"type": "object", "properties": {"status": {"const": "ok"}}}
_TOKEN: Document = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "a JWT for this path and one use, signed by the key of an administrator's"
    " certificate, whose chain is in the header x5c (RFC 7515 section 4.1.6); no word before it",
}


def describe(prefix: str, resources: Iterable[Resource]) -> Document:
    """Return the document (OpenAPI 3.1) of the resources below ``prefix``."""
    kinds = list(dict.fromkeys([*_ANSWERS.values(), *_BODIES.values()]))
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    paths: Document = {}
    for each in resources:
        operations = {method.lower(): _describe_method(each, method) for method in each.handlers}
        variable = [part[1:-1] for part in each.pattern if part.startswith("{")]
        paths[prefix + "/".join(each.pattern)] = {
            "parameters": [_parameter(name) for name in variable],
            **operations,
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Newel remote management", "version": "1"},
        "security": [{"administrator": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR, "Status": _STATUS},
            "securitySchemes": {"administrator": _TOKEN},
        },
    }


def _describe_method(resource: Resource, method: str) -> Document:
    """Return one operation."""
    key = "-".join(part.strip("{}") for part in resource.pattern)
    found: Document = {
        "operationId": f"{method.lower()}-{key}",
        "summary": _summary(resource, method),
        "responses": {
            _success(resource, method): _content(_answer(resource, method)),
            "default": _content(_reference("Error")),
        },
    }
    parameters = _query(resource, method)
    if method in {"PUT", "DELETE"} and resource.name in _REVISIONS:
        parameters.append(_string("If-Match", "header", "the ETag of the last answer"))
    if parameters:
        found["parameters"] = parameters
    if method in _WITH_BODY:
        body = _BODIES.get((resource.name, method)) or _ANSWERS[resource.name]
        found["requestBody"] = {"required": True, **_content(_reference(body.__name__), "")}
    return found


def _summary(resource: Resource, method: str) -> str:
    verbs = {"GET": "Read", "POST": "Add", "PUT": "Replace", "PATCH": "Change", "DELETE": "Remove"}
    what = _LISTS.get(resource.pattern) if method == "GET" else None
    return f"{verbs[method]}: {what or resource.name.replace('-', ' ')}"


def _success(resource: Resource, method: str) -> str:
    """Return the status of what succeeds; step expects 201 of a changed webhook."""
    return "201" if method == "POST" or (resource.name, method) == ("webhook", "PUT") else "200"


def _answer(resource: Resource, method: str) -> Document:
    if method == "DELETE":
        return _reference("Status")
    if method == "GET" and resource.pattern in _LISTS:
        rows = {"type": "array", "items": {"type": "object"}}
        properties = {_LISTS[resource.pattern]: rows, "nextCursor": {"type": "string"}}
        return {"type": "object", "properties": properties}
    answer = _ANSWERS.get(resource.name)
    return _reference(answer.__name__) if answer else {"type": "object"}


def _query(resource: Resource, method: str) -> list[Document]:
    if method == "DELETE" and resource.pattern == ("acme", "eab", "{provisioner}", "{key}"):
        return [_string("accounts", "query", "revoke: the accounts that it has bound, too")]
    if method != "GET":
        return []
    if resource.pattern in _LISTS:
        limit: Document = {"type": "integer", "default": DEFAULT_PAGE, "maximum": MAX_PAGE}
        return [
            _string("cursor", "query", "nextCursor of the page before"),
            {"name": "limit", "in": "query", "schema": limit},
        ]
    if resource.pattern == ("provisioners", "{name}"):
        return [_string("id", "query", "the provisioner's id, which goes before the name")]
    return []


def _parameter(name: str) -> Document:
    found = _string(name, "path", _SEGMENTS.get(name, ""))
    return {**found, "required": True}


def _string(name: str, where: str, text: str) -> Document:
    found: Document = {"name": name, "in": where, "schema": {"type": "string"}}
    return {**found, "description": text} if text else found


def _content(schema: Document, description: str = "JSON") -> Document:
    found: Document = {"content": {"application/json": {"schema": schema}}}
    return {"description": description, **found} if description else found


def _reference(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}
