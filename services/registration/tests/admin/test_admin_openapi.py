"""The OpenAPI document of remote management: what it lists is what the authority answers."""

import re
from typing import Any

from fixtures.administration import ManagedAuthority, refusal
from newel.registration.admin.resources import RESOURCES

DOCUMENT = "/admin/openapi.json"
METHODS = {"get", "post", "put", "patch", "delete"}


async def describe(site: ManagedAuthority) -> dict[str, Any]:
    """The document as an administrator reads it."""
    found: dict[str, Any] = await site.get(DOCUMENT)
    return found


async def test_every_route_is_described_and_nothing_else(site: ManagedAuthority) -> None:
    paths = (await describe(site))["paths"]
    described = {(path, each) for path, item in paths.items() for each in METHODS & set(item)}
    served = {
        (f"/admin/{'/'.join(each.pattern)}", method.lower())
        for each in RESOURCES
        for method in each.handlers
    }
    assert described == served
    for path, item in paths.items():
        names = [each["name"] for each in item["parameters"]]
        assert names == re.findall(r"{(\w+)}", path)


async def test_described_bodies_are_what_requests_carry(site: ManagedAuthority) -> None:
    """A member of another type is refused by its name, which shows which message the handler reads."""
    document = await describe(site)
    schemas = document["components"]["schemas"]
    details = {"ACME": {"requireEab": True}}
    eab = {"type": "ACME", "name": "eab", "details": details}
    await site.put("POST", "/admin/provisioners", eab, 201)
    await site.put("POST", "/admin/acme/eab/eab", {"reference": "ref"}, 201)
    checked = 0
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            if "requestBody" not in item[method]:
                continue
            schema = item[method]["requestBody"]["content"]["application/json"]["schema"]
            properties = schemas[schema["$ref"].rpartition("/")[2]]["properties"]
            filled = path.format(
                name="eab", provisioner="eab", reference="ref", id="x", webhook="w"
            )
            for member in properties:
                answer = await site.send(method.upper(), filled, {member: [[]]})
                status, _, said = refusal(answer)
                if status == 400:
                    assert member in said, (method, path, said)
                    checked += 1
    assert checked > 30


async def test_references_have_their_schema(site: ManagedAuthority) -> None:
    document = await describe(site)
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references <= set(schemas)
    assert {"ManagedProvisioner", "ManagedPolicy", "NewAdmin", "Error"} <= references
    limit = document["paths"]["/admin/admins"]["get"]["parameters"][1]
    assert limit["schema"] == {"type": "integer", "default": 20, "maximum": 100}


async def test_the_document_is_for_administrators(site: ManagedAuthority) -> None:
    assert refusal(await site.ra.call("GET", DOCUMENT))[0] == 401
