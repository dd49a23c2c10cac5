"""The signer as its callers meet it: typed statements in, signatures or refusals out, all of it audited."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from fixtures import statements as made
from fixtures.key_usages import key_usage
from fixtures.signer import SignerHarness, open_harness
from fixtures.statements import DAY, HOUR, NOW, load
from newel.crypto import der, keys
from newel.crypto.certificate import assemble
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
from newel.runtime.rpc.local import LocalChannel
from newel.signer.app import AuthorityFiles, create_authority


@pytest.fixture
def harness(files: AuthorityFiles) -> SignerHarness:
    create_authority(files, "Example", NOW - 10 * DAY)
    return open_harness(files)


async def test_a_leaf_is_signed_by_the_issuer(harness: SignerHarness) -> None:
    bodies = [made.leaf(harness.issuer, serial=(1 << 80) + n) for n in range(5)]
    for body, answer in zip(bodies, await harness.sign("SignCertificate", *bodies), strict=True):
        algorithm = keys.signature_algorithm(harness.issuer.public_key())  # pyright: ignore[reportArgumentType]
        certificate = x509.load_der_x509_certificate(assemble(body, algorithm, answer.signature))
        certificate.verify_directly_issued_by(harness.issuer)
    assert [line["outcome"] for line in harness.audit.lines] == ["granted"] * 5
    line = harness.audit.lines[0]
    assert line["key"], line["statement"] == ("intermediate", "certificate")
    assert line["subject"] == "0100000000000000000000"
    assert line["caller"] == "issuing"


async def refusal_cause(
    harness: SignerHarness, method: str, body: bytes, key: str = "intermediate"
) -> str:
    """The cause for which a statement was refused, as the audit trail has it too."""
    (answer,) = await harness.sign(method, body, key=key)
    assert not answer.signature
    line = harness.audit.lines[-1]
    assert line["outcome"] == "refused"
    assert line["cause"] == answer.error.cause
    return f"{answer.error.type}: {answer.error.cause}"


BasicCa = x509.BasicConstraints(ca=True, path_length=None)
Usages = x509.ExtendedKeyUsage
OCSP_SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING
ODD = x509.ObjectIdentifier("1.2.3.4")
P384 = ec.generate_private_key(ec.SECP384R1()).public_key()

BAD_LEAVES: dict[str, tuple[dict[str, Any], str]] = {
    "a CA": ({"extensions": [(BasicCa, True)]}, "a CA certificate"),
    "certificates signed": (
        {"usage": key_usage("digital_signature", "key_cert_sign")}, "key usage"),
    "lists signed": ({"usage": key_usage("digital_signature", "crl_sign")}, "key usage"),
    "OCSP": ({"usages": Usages([OCSP_SIGNING])}, "extended key usages"),
    "OCSP among others": (
        {"usages": Usages([ExtendedKeyUsageOID.SERVER_AUTH, OCSP_SIGNING])}, "extended key usages"),
    "any usage": (
        {"usages": Usages([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])}, "extended key usages"),
    "code": ({"usages": Usages([ExtendedKeyUsageOID.CODE_SIGNING])}, "extended key usages"),
    "no usage": ({"usages": None}, "does not say what its key may be used for"),
    "100 years": ({"end": NOW + 36_500 * DAY}, "outlives its issuer"),
    "91 days": ({"end": NOW + 91 * DAY}, "the maximum of 90 days"),
    "later than 90 days": (
        {"begin": NOW + HOUR, "end": NOW + 91 * DAY}, "the maximum of 90 days"),
    "tomorrow's": ({"begin": NOW + DAY, "end": NOW + 2 * DAY}, "too far ahead of now"),
    "next year's": (
        {"begin": NOW + 365 * DAY, "end": NOW + 366 * DAY}, "too far ahead of now"),
    "no key usage": ({"usage": None}, "no key usage"),
    "over": ({"begin": NOW - DAY, "end": NOW - HOUR}, "expired before it is signed"),
    "before the issuer": ({"begin": NOW - 400 * DAY}, "begins long before its issuer"),
    "another issuer": ({"issuer_name": made.name("Example Root CA")}, "the issuer is not"),
    "the issuer's own name": ({"subject": "issuer"}, "the subject is the issuer itself"),
    "another key's algorithm": ({"signed_as": P384}, "algorithm"),
    "another key identifier": (
        {"authority": x509.AuthorityKeyIdentifier(b"x" * 20, None, None)}, "key identifier"),
    "no key identifier": (
        {"authority": x509.OCSPNoCheck()}, "ocsp-nocheck"),
    "name constraints": (
        {"extensions": [(x509.NameConstraints([x509.DNSName("example")], None), True)]},
        "nameConstraints"),
    "something critical": (
        {"extensions": [(x509.UnrecognizedExtension(ODD, b"\x05\x00"), True)]}, "1.2.3.4"),
}  # fmt: skip # a table


@pytest.mark.attack("X05")
@pytest.mark.parametrize("case", BAD_LEAVES)
async def test_what_is_no_leaf_of_ours_is_refused_and_audited(
    harness: SignerHarness, case: str
) -> None:
    arguments, cause = BAD_LEAVES[case]
    given: dict[str, Any] = dict(arguments)
    if given.get("subject") == "issuer":
        given["subject"] = harness.issuer.subject
    assert cause in await refusal_cause(
        harness, "SignCertificate", made.leaf(harness.issuer, **given)
    )


@pytest.mark.attack("X01")
@pytest.mark.parametrize("serial", [b"\x00", b"\x80", b"\xff" * 3, b"\x01" * 21, b""])
async def test_a_serial_that_is_none_is_refused(harness: SignerHarness, serial: bytes) -> None:
    body = made.leaf(harness.issuer, serial=0x7777777777)
    at = body.index(b"\x02\x05" + b"\x77" * 5)
    inner = body[4:at] + bytes((2, len(serial))) + serial + body[at + 7 :]
    assert "serial" in await refusal_cause(harness, "SignCertificate", der.tlv(der.SEQUENCE, inner))


NOT_STATEMENTS: dict[str, Callable[[SignerHarness], bytes]] = {
    "a digest": lambda _: b"\x11" * 32,
    "nothing": lambda _: b"",
    "a text": lambda _: b"please sign this",
    "a list of another kind": lambda harness: made.crl(harness.issuer),
    "two at once": lambda harness: made.leaf(harness.issuer) * 2,
    "something after it": lambda harness: made.leaf(harness.issuer) + b"\x05\x00",
    "a whole certificate": lambda harness: harness.issuer.public_bytes(made.DER),
    "a megabyte": lambda _: b"\x30" * (1 << 20),
    "deep nesting": lambda _: b"\x30\x80" * 30_000,
}


@pytest.mark.attack("X05")
@pytest.mark.parametrize("case", NOT_STATEMENTS)
async def test_what_is_no_statement_is_refused_and_audited(
    harness: SignerHarness, case: str
) -> None:
    body = NOT_STATEMENTS[case](harness)
    assert (await refusal_cause(harness, "SignCertificate", body)).startswith("malformed")
    for method in ("SignCRL", "SignOCSP"):
        if case != "a list of another kind" or method == "SignOCSP":
            key = "ocsp" if method == "SignOCSP" else "intermediate"
            assert (await refusal_cause(harness, method, body, key)).startswith("malformed")


async def test_a_key_signs_only_the_kinds_it_was_given(harness: SignerHarness) -> None:
    leaf = made.leaf(harness.issuer)
    assert "may not sign" in await refusal_cause(harness, "SignCertificate", leaf, key="ocsp")
    assert "may not sign" in await refusal_cause(harness, "SignSSHCertificate", leaf)
    assert "may not sign" in await refusal_cause(
        harness, "SignCRL", made.crl(harness.issuer), key="ocsp"
    )
    assert (await refusal_cause(harness, "SignCertificate", leaf, key="root")).startswith(
        "notFound"
    )


async def test_one_refusal_leaves_the_others_of_its_batch_alone(harness: SignerHarness) -> None:
    good = made.leaf(harness.issuer)
    answers = await harness.sign("SignCertificate", good, b"nonsense", good)
    assert [bool(answer.signature) for answer in answers] == [True, False, True]
    metric = harness.registry.get_sample_value
    labels = {"key": "intermediate", "statement": "certificate"}
    name = "newel_signer_statements_total"
    assert metric(name, labels | {"outcome": "granted"}) == 2
    assert metric(name, labels | {"outcome": "malformed"}) == 1


@pytest.mark.attack("P10")
async def test_each_service_of_the_signer_has_its_own_callers(harness: SignerHarness) -> None:
    import grpc.aio

    stub: Any = signer_pb2_grpc.CertificateSignerStub(LocalChannel(harness.server, "validation"))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.SignCertificate(signer_pb2.SignRequest())
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        (x509.DNSName("a.example.com"), True),
        (x509.DNSName("*.mail.example.com"), True),
        (x509.DNSName("*.example.com"), False),  # it stands for secret.example.com as well
        (x509.DNSName("EXAMPLE.com"), True),
        (x509.DNSName("a.example.com."), False),
        (x509.DNSName("notexample.com"), False),
        (x509.DNSName("x.secret.example.com"), False),
        (x509.DNSName("*.secret.example.com"), False),
        (x509.UniformResourceIdentifier("spiffe://a.example.com/x"), False),
        (x509.UniformResourceIdentifier("https://a.example.com@evil.example/"), False),
        (x509.RFC822Name("me@mail.example.com"), True),
        (x509.RFC822Name("me@example.org"), False),
        (x509.DirectoryName(made.name("anything")), False),
    ],
)
async def test_a_key_with_bounds_signs_names_within_them(
    files: AuthorityFiles, name: x509.GeneralName, allowed: bool
) -> None:
    create_authority(files, "Example", NOW - 10 * DAY)
    harness = open_harness(
        files,
        permitted_names=["dns:example.com", "email:example.com", "ip:10.0.0.0/8"],
        excluded_names=["dns:secret.example.com"],
    )
    san = x509.SubjectAlternativeName([name])
    (answer,) = await harness.sign(
        "SignCertificate",
        made.leaf(harness.issuer, subject=made.name("a leaf"), extensions=[(san, False)]),
    )
    assert bool(answer.signature) == allowed


async def test_a_list_is_signed_by_the_issuer(harness: SignerHarness) -> None:
    body = made.crl(harness.issuer)
    (answer,) = await harness.sign("SignCRL", body)
    algorithm = keys.signature_algorithm(harness.issuer.public_key())  # pyright: ignore[reportArgumentType]
    crl = x509.load_der_x509_crl(assemble(body, algorithm, answer.signature))
    assert crl.is_signature_valid(harness.issuer.public_key())  # pyright: ignore[reportArgumentType]
    assert harness.audit.lines[-1]["subject"] == "7"
    assert harness.audit.lines[-1]["caller"] == "validation"


BAD_LISTS: dict[str, tuple[dict[str, Any], str]] = {
    "no number": ({"number": None}, "cRLNumber is missing"),
    "another issuer": ({"issuer_name": made.name("else")}, "the issuer is not"),
    "another key identifier": ({"identifier": b"x" * 20}, "key identifier"),
    "a year": ({"next_update": NOW + 365 * DAY}, "nextUpdate"),
    "the past": ({"this_update": NOW - 2 * DAY, "next_update": NOW - DAY}, "nextUpdate"),
    "the future": ({"this_update": NOW + HOUR}, "in the future"),
    "something critical": (
        {"extensions": [(x509.UnrecognizedExtension(ODD, b"\x05\x00"), True)]}, "1.2.3.4"),
}  # fmt: skip # a table


@pytest.mark.parametrize("case", BAD_LISTS)
async def test_what_is_no_list_of_ours_is_refused(harness: SignerHarness, case: str) -> None:
    arguments, cause = BAD_LISTS[case]
    assert cause in await refusal_cause(harness, "SignCRL", made.crl(harness.issuer, **arguments))


@pytest.fixture
def today(files: AuthorityFiles) -> SignerHarness:
    """A signer whose clock is the machine's: the library dates OCSP responses itself."""
    from newel.runtime.clock import SystemClock

    now = SystemClock().now()
    create_authority(files, "Example", now)
    harness = open_harness(files)
    harness.clock.advance(now - harness.clock.now())
    return harness


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_response_is_signed_by_the_responder(today: SignerHarness, by_name: bool) -> None:
    now = today.clock.now()
    body = made.ocsp_response(
        today.responder, today.issuer, by_name=by_name, this_update=now, next_update=now + DAY
    )
    (answer,) = await today.sign("SignOCSP", body, key="ocsp")
    public: Any = today.responder.public_key()
    keys.verify(public, answer.signature, body)
    assert today.audit.lines[-1]["subject"] == "1234"


@pytest.mark.attack("X07")
@pytest.mark.parametrize(
    ("begin", "end", "cause"),
    [
        (dt.timedelta(0), None, "no nextUpdate"),
        (dt.timedelta(0), 8 * DAY, "nextUpdate"),
        (HOUR, DAY, "in the future"),
        (-2 * DAY, -HOUR, "nextUpdate"),
    ],
)
async def test_a_response_out_of_its_time_is_refused(
    today: SignerHarness, begin: dt.timedelta, end: dt.timedelta | None, cause: str
) -> None:
    now = today.clock.now()
    body = made.ocsp_response(
        today.responder,
        today.issuer,
        this_update=now + begin,
        next_update=None if end is None else now + end,
    )
    assert cause in await refusal_cause(today, "SignOCSP", body, key="ocsp")


@pytest.mark.attack("X07")
async def test_a_response_of_another_issuer_or_responder_is_refused(today: SignerHarness) -> None:
    now = today.clock.now()
    times: dict[str, Any] = {"this_update": now, "next_update": now + DAY}
    root = load(today.files.root_certificate)
    other = made.ocsp_response(today.responder, today.issuer, stated_issuer=root, **times)
    assert "another issuer" in await refusal_cause(today, "SignOCSP", other, key="ocsp")
    not_us = made.ocsp_response(today.issuer, today.issuer, **times)
    assert "the responder is not" in await refusal_cause(today, "SignOCSP", not_us, key="ocsp")


async def test_a_response_made_at_another_time_is_refused(today: SignerHarness) -> None:
    now = today.clock.now()
    body = made.ocsp_response(today.responder, today.issuer, this_update=now, next_update=now + DAY)
    today.clock.advance(HOUR)
    assert "which is not now" in await refusal_cause(today, "SignOCSP", body, key="ocsp")


async def test_public_facts_about_the_keys(harness: SignerHarness) -> None:
    stub: Any = signer_pb2_grpc.KeysStub(LocalChannel(harness.server, "issuing"))
    listed = (await stub.ListKeys(signer_pb2.ListKeysRequest())).keys
    assert [key.name for key in listed] == ["intermediate", "ocsp"]
    assert list(listed[0].statements) == ["certificate", "crl"]
    key = await stub.GetPublicKey(signer_pb2.GetPublicKeyRequest(key="ocsp"))
    assert key.certificate == harness.responder.public_bytes(made.DER)
    assert keys.load_public_key(key.public_key) == harness.responder.public_key()
