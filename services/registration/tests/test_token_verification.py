"""Tokens that no provisioner accepts: algorithms, keys, audiences, times."""

import datetime as dt

import msgspec
import pytest

from fixtures.authority import EPOCH
from fixtures.registration import (
    CA,
    GENERAL_401,
    JwkKey,
    RegistrationHarness,
    read_message,
    request_for,
)
from newel.crypto import keys
from newel.jose import jwk


@pytest.mark.attack("T02")
async def test_t02_tokens_that_name_an_acme_provisioner(ra: RegistrationHarness) -> None:
    attacker = JwkKey("acme", keys.generate())
    csr = request_for("foo.internal")
    by_issuer = await ra.sign(attacker.token("foo.internal"), csr)
    assert by_issuer.json() == GENERAL_401
    named = attacker.token("foo.internal", audience=f"{CA}/1.0/sign#acme/acme")
    by_fragment = await ra.sign(named, csr)
    assert by_fragment.status_code == 400
    assert "token flow is not supported" in read_message(by_fragment)
    revoking = attacker.token("1", audience=f"{CA}/1.0/revoke#acme/acme", sans=None)
    refused = await ra.post("/revoke", serial="1", ott=revoking, passive=True)
    assert refused.status_code == 400
    assert len(ra.issuing.issued) == 1


@pytest.mark.attack("T03")
@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "RS256"])
async def test_t03_the_header_does_not_choose_the_algorithm(
    ra: RegistrationHarness, alg: str
) -> None:
    token = ra.admin.token("foo.internal", extra_header={"alg": alg})
    answer = await ra.sign(token, request_for("foo.internal"))
    assert answer.json() == GENERAL_401


@pytest.mark.attack("T03")
async def test_t03_a_key_in_the_header_is_not_taken(ra: RegistrationHarness) -> None:
    attacker = JwkKey("admin", keys.generate())
    header = {"kid": ra.admin.kid, "jku": "https://evil.example/keys"}
    header |= {"jwk": msgspec.to_builtins(jwk.from_public_key(attacker.key.public_key()))}
    token = attacker.token("foo.internal", extra_header=header)
    assert (await ra.sign(token, request_for("foo.internal"))).json() == GENERAL_401


@pytest.mark.attack("T04")
@pytest.mark.parametrize(
    "audience",
    [
        f"{CA}/1.0/revoke",
        f"{CA}/1.0/ssh/sign",
        f"{CA}/1.0/sign/more",
        "https://other.example/1.0/sign",
        "https://ca.example.evil/1.0/sign",
        "http://ca.example/1.0/sign",
        "",
    ],
)
async def test_t04_tokens_for_another_place(ra: RegistrationHarness, audience: str) -> None:
    token = ra.admin.token("foo.internal", audience=audience)
    assert (await ra.sign(token, request_for("foo.internal"))).json() == GENERAL_401


@pytest.mark.attack("T05")
async def test_t05_tokens_out_of_time(ra: RegistrationHarness) -> None:
    csr = request_for("foo.internal")
    minute = dt.timedelta(minutes=1)
    for made, lifetime in (
        (EPOCH - 7 * minute, 5 * minute),  # expired
        (EPOCH + 2 * minute, 5 * minute),  # not yet
        (EPOCH, 25 * 60 * minute),  # for too long
    ):
        token = ra.admin.token("foo.internal", made, lifetime=lifetime)
        assert (await ra.sign(token, csr)).json() == GENERAL_401
    for made in (EPOCH - 5.5 * minute, EPOCH + 0.9 * minute):  # within the leeway
        token = ra.admin.token("foo.internal", made)
        assert (await ra.sign(token, csr)).status_code == 201
