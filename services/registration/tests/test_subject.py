"""The exact-set rule: names, common names and keys of a request against its grant."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.registration import RegistrationHarness, read_message, request_for
from newel.step.fingerprint import confirmation


@pytest.mark.attack("T07")
@pytest.mark.parametrize(
    ("granted", "asked", "status"),
    [
        (["foo.internal"], ["foo.internal", "bar.internal"], 403),
        (["foo.internal", "bar.internal"], ["foo.internal"], 403),
        (["foo.internal"], ["bar.internal"], 403),
        (["foo.internal"], [], 201),
        (["foo.internal"], ["foo.internal", "foo.internal"], 201),
        (["foo.internal"], ["FOO.Internal"], 201),
        (["b\u00fccher.example"], ["xn--bcher-kva.example"], 201),
        (["foo.internal"], ["foo.internal."], 400),
        (["foo.internal."], [], 403),
        (["foo_bar.internal"], [], 403),
        (["a.*.internal"], [], 403),
        (["x" * 64 + ".internal"], [], 403),
    ],
)
async def test_t07_names_are_exactly_the_granted_set(
    ra: RegistrationHarness, granted: list[str], asked: list[str], status: int
) -> None:
    token = ra.admin.token("foo.internal", sans=granted)
    answer = await ra.sign(token, request_for(*asked, common_name=""))
    assert answer.status_code == status, answer.text


@pytest.mark.attack("T07")
async def test_t07_refusals_are_in_the_words_scripts_know(ra: RegistrationHarness) -> None:
    forbidden = "The request was forbidden by the certificate authority: certificate request"
    answer = await ra.sign(
        ra.admin.token("foo.internal"), request_for("foo.internal", "bar.internal")
    )
    assert read_message(answer) == (
        f"{forbidden} does not contain the valid DNS names"
        " - got [foo.internal bar.internal], want [foo.internal]."
    )
    answer = await ra.sign(ra.admin.token("foo.internal"), request_for("foo"))
    assert "does not contain the valid common name - got foo, want [foo.internal" in read_message(
        answer
    )
    general: list[x509.GeneralName] = [x509.RFC822Name("a@b.example")]
    csr = request_for("foo.internal", general=general)
    answer = await ra.sign(ra.admin.token("foo.internal"), csr)
    assert read_message(answer).endswith("valid email addresses - got [a@b.example], want [].")
    weak = request_for("foo.internal", key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point
    answer = await ra.sign(ra.admin.token("foo.internal"), weak)
    assert read_message(answer) == f"{forbidden} RSA key must be at least 2048 bits (256 bytes)."


@pytest.mark.parametrize(
    ("granted", "common_name"),
    [
        ("HOST01.lab", "host01.lab"),
        ("HOST01.lab", "HOST01.LAB"),
        ("host01.lab", "Host01.Lab"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "BÜCHER.example"),
        ("2001:db8::1", "2001:0DB8:0:0::1"),
    ],
)
async def test_a_common_name_may_be_spelled_otherwise(
    ra: RegistrationHarness, granted: str, common_name: str
) -> None:
    csr = request_for(common_name=common_name)
    assert (await ra.sign(ra.admin.token(granted), csr)).status_code == 201
    other = request_for(common_name="other.lab")
    assert (await ra.sign(ra.admin.token(granted), other)).status_code == 403


async def test_a_certificate_may_have_256_names(ra: RegistrationHarness) -> None:
    names = [
        f"a-rather-long-name-of-a-host-{each:03}.department.example.com" for each in range(257)
    ]
    token = ra.admin.token(names[0], sans=names[:256])
    assert (await ra.sign(token, request_for(*names[:256]))).status_code == 201
    assert len(ra.issuing.requests[-1].names) == 256
    token = ra.admin.token(names[0], sans=names)
    answer = await ra.sign(token, request_for(*names))
    assert answer.status_code == 400
    assert "more than 256 names" in answer.json()["message"]


async def test_a_token_for_one_request_takes_no_other(ra: RegistrationHarness) -> None:
    csr = request_for("foo.internal")
    own = confirmation(x509.load_pem_x509_csr(csr.encode()).public_bytes(_der()))
    token = ra.admin.token("foo.internal", confirmation=own)
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 403
    assert (await ra.sign(token, csr)).status_code == 201


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


async def test_a_common_name_that_is_too_long_is_left_out(ra: RegistrationHarness) -> None:
    name = f"{'a' * 60}.internal"
    assert (await ra.sign(ra.admin.token(name), request_for())).status_code == 201
    assert not ra.issuing.requests[-1].subject
