"""What is counted, under our names and under those dashboards for step-ca know."""

from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.registration import RegistrationHarness, request_for
from newel.runtime.metrics import expose


async def test_decisions_are_counted_by_outcome(ra: RegistrationHarness) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    der = certificate.public_bytes(Encoding.DER)
    await ra.call("POST", "/renew", certificate=der)
    await ra.sign("x", request_for("foo.internal"))
    text = expose([ra.registry]).decode()
    for line in (
        'newel_registration_decisions_total{operation="sign",outcome="granted"} 1.0',
        'newel_registration_decisions_total{operation="sign",outcome="unauthorized"} 1.0',
        'newel_registration_signed_total{provisioner="admin",success="true"} 1.0',
        'step_ca_x509_signed_total{provisioner="admin",success="true"} 1.0',
        'step_ca_x509_signed_total{provisioner="",success="false"} 1.0',
        'step_ca_x509_renewed_total{provisioner="admin",success="true"} 1.0',
        "newel_registration_server_certificate_expiry_timestamp_seconds",
    ):
        assert line in text
    assert "foo.internal" not in text


async def test_every_decision_is_audited_with_its_cause(ra: RegistrationHarness) -> None:
    token = ra.admin.token("foo.internal")
    await ra.sign(token, request_for("foo.internal"))
    await ra.sign(token, request_for("foo.internal"))
    await ra.call("POST", "/renew")
    await ra.post("/revoke", serial="1", passive=True)
    lines = [(event, outcome) for event, outcome, _ in ra.audit.lines]
    assert lines == [
        ("server-certificate", "granted"),
        ("sign", "granted"),
        ("sign", "refused"),
        ("renew", "refused"),
        ("revoke", "refused"),
    ]
    granted, refused = (facts for event, _, facts in ra.audit.lines if event == "sign")
    assert granted["token"] == refused["token"]
    assert len(granted["token"]) == 64
    assert (refused["cause"], refused["type"]) == ("token already used", "unauthorized")
    assert granted["names"] == ("foo.internal",)
