"""P09: whatever a valid account signs, the answer is a refusal of the protocol, never a failure."""

import msgspec
import pytest

from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import ask

DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
PAYLOADS = [
    b"null",
    b"0",
    b"[]",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"\x00",
    b"1e999",
    b"9" * 5000,
    DEEP,
    b"[" * 50_000,
    b'{"identifiers":null}',
    b'{"identifiers":[null]}',
    b'{"identifiers":[{}]}',
    b'{"identifiers":[{"type":"dns"}]}',
    b'{"identifiers":[{"type":"dns","value":7}]}',
    b'{"identifiers":[{"type":"dns","value":"\\u0000"}]}',
    b'{"identifiers":[{"type":"dns","value":"\\ud800"}]}',
    b'{"identifiers":[{"type":"ip","value":"1.2.3"}]}',
    b'{"identifiers":[{"type":"ip","value":"::ffff:1.2.3.4%x"}]}',
    b'{"identifiers":[{"type":"","value":""}]}',
    b'{"identifiers":[{"type":"dns","value":"' + b"a" * 60_000 + b'"}]}',
    b'{"identifiers":[{"type":"dns","value":"a.example"}],"notAfter":"9999-12-31T23:59:59Z"}',
    b'{"identifiers":[{"type":"dns","value":"a.example"}],"notBefore":"0000-00-00T00:00:00Z"}',
    b'{"identifiers":[{"type":"dns","value":"a.example"}],"notAfter":"' + b"9" * 9000 + b'"}',
    b'{"contact":["mailto:\\u202e@example.org"]}',
    b'{"contact":[7]}',
    b'{"contact":"mailto:a@example.org"}',
    b'{"status":7}',
    b'{"status":"revoked"}',
    b'{"csr":null}',
    b'{"csr":"%%%"}',
    b'{"csr":"MIIB"}',
    b'{"csr":"' + b"MIIB" * 4000 + b'"}',
    b'{"certificate":null}',
    b'{"certificate":"MIIB","reason":"x"}',
    b'{"certificate":"MIIB","reason":99999999999999999999}',
    b'{"externalAccountBinding":{}}',
    b'{"externalAccountBinding":[[[]]]}',
    b'{"account":"x","oldKey":{}}',
    b'{"protected":"","payload":"","signature":""}',
    b'{"protected":"e30","payload":"e30","signature":"e30"}',
]


@pytest.mark.attack("P09")
async def test_nothing_that_is_signed_makes_the_server_fail(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    (authorization,) = order["authorizations"]
    targets = [
        client.url("new-order"),
        order.header("location"),
        order["finalize"],
        authorization,
        authorization.replace("/authz/", "/challenge/") + "/http-01",
        client.kid,
        client.kid + "/orders",
        client.kid + "/orders?after=%00&after=x",
        client.url("revoke-cert"),
        client.url("key-change"),
        client.url("certificate/x"),
    ]
    for payload in PAYLOADS:
        for target in targets:
            reply = await client.post(target, payload)
            assert reply.status < 500, (target, payload[:80], reply.body)
            if reply.status >= 400:
                assert reply.problem
        fresh = harness.client()
        assert (await fresh.post("new-account", payload, kid=None)).status < 500, payload[:80]


@pytest.mark.attack("P09")
@pytest.mark.parametrize(
    "path",
    [
        "/acme/",
        "/acme//",
        "/acme/acme",
        "/acme/acme/",
        "/acme/acme/directory/",
        "/acme/acme/order",
        "/acme/acme/order/",
        "/acme/acme/order/%00",
        "/acme/acme/order/" + "A" * 24 + "/finalize/x",
        "/acme/acme/authz/" + "A" * 24 + ".99999999",
        "/acme/acme/authz/" + "A" * 24 + ".-1",
        "/acme/acme/authz/" + "A" * 24 + ".\u0661",
        "/acme/acme/challenge/x/y/z",
        "/acme/acme/" + "x/" * 2000,
        "/acme/../acme/directory",
        "/acme/%2e%2e/directory",
        "/acme/acme%2fdirectory",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X"])
async def test_no_path_or_method_makes_it_fail(
    harness: ACMEHarness, path: str, method: str
) -> None:
    reply = await ask(harness.acme.app, method, f"https://ca.example{path}", b"{}")
    assert reply.status < 500
    if reply.body:
        assert msgspec.json.decode(reply.body)["type"].startswith("urn:ietf:params:acme:error:")
