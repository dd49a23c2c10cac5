"""An ACME provisioner's template: it shapes the certificate, and never names what the order did not prove."""

from typing import Any

import pytest

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, provisioner


def template_provisioner(text: str) -> Any:
    return provisioner(options={"x509": {"template": text, "templateData": {"org": "Example"}}})


async def test_a_template_shapes_what_the_order_proved(harness: ACMEHarness) -> None:
    """``.Token`` is not there, ``.SANs`` are the order's identifiers, ``.Subject`` the common name."""
    harness.provisioners["acme"] = template_provisioner(
        '{"subject": {"commonName": {{ toJson .Subject.CommonName }}, "organization": {{ toJson .org }}}, '
        '"sans": {{ toJson .SANs }}, "extKeyUsage": ["{{ if .Token }}any{{ else }}serverAuth{{ end }}"]}'
    )
    client = await harness.register_client()
    order = await harness.ready(client, "localhost")
    assert (await client.post(order["finalize"], {"csr": make_csr("localhost")}))[
        "status"
    ] == "valid"
    (asked,) = harness.issuing.requests
    assert [each.dns for each in asked.names] == ["localhost"]
    assert {each.oid: each.value for each in asked.subject}["2.5.4.10"] == "Example"
    assert list(asked.extended_key_usages) == ["1.3.6.1.5.5.7.3.1"]


@pytest.mark.attack("template-authority")
@pytest.mark.parametrize(
    "text",
    [
        '{"sans": {{ toJson .SANs }}, "dnsNames": ["bank.example"]}',
        '{"sans": [{"type": "dns", "value": "*.localhost"}]}',
        '{"sans": {{ toJson .SANs }}, "basicConstraints": {"isCA": true}}',
        '{"subject": {{ toJson .Nowhere.at.all }} {{ .Token.sub | upper }} }',
    ],
)
async def test_a_name_that_was_not_proved_is_never_certified(
    harness: ACMEHarness, text: str
) -> None:
    """RFC 8555 §7.4: the certificate is for the order's identifiers; its order waits for the operator."""
    harness.provisioners["acme"] = template_provisioner(text)
    client = await harness.register_client()
    order = await harness.ready(client, "localhost")
    answer = await client.post(order["finalize"], {"csr": make_csr("localhost")})
    assert answer["status"] == "processing"
    assert not harness.issuing.requests
    assert any("template" in repr(line) for line in harness.audit.lines)


async def test_a_template_s_own_refusal_ends_the_order(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = template_provisioner('{{ "{" }}{{ fail "not on Sundays" }}')
    client = await harness.register_client()
    order = await harness.ready(client, "localhost")
    answer = await client.post(order["finalize"], {"csr": make_csr("localhost")})
    assert (answer.problem, answer["detail"]) == ("malformed", "not on Sundays")
    location = order["finalize"].removesuffix("/finalize")
    assert (await client.post(location))["status"] == "invalid"
