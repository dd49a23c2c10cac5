"""The registration authority on the real issuing authority, on both databases, over local channels."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority, make_authority
from fixtures.issuing import IssuingHarness, open_harness
from fixtures.registration import CA, RegistrationHarness, open_registration, request_for
from newel.crypto import keys
from newel.registration.storage import TAKEOVER_AFTER
from newel.runtime.clock import ManualClock
from newel.runtime.database.contract import Statement, Write
from newel.runtime.rpc.local import LocalServer
from newel.step import renew_token


@dataclass(frozen=True, slots=True)
class Pair:
    """Both authorities; they share a clock."""

    ra: RegistrationHarness
    harness: IssuingHarness

    async def certificates(self) -> list[tuple[Any, ...]]:
        """What the issuing authority has on record, the server's own certificate left out."""
        return await self.harness.rows(
            "SELECT serial FROM certificates WHERE subject_of_proof <> 'registration'"
        )


def schema(url: str, name: str) -> str:
    """A database of its own for each service."""
    if url.startswith("sqlite"):
        return url.replace("service.db", f"{name}.db")
    return f"{url}?schema={name}"


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    """A root and an intermediate."""
    return make_authority(tmp_path)


@pytest.fixture
async def pair(authority: CertificateAuthority, database_url: str) -> AsyncIterator[Pair]:
    """Both, on each database in turn."""
    harness = await open_harness(schema(database_url, "issuing"), authority)
    assert isinstance(harness.clock, ManualClock)
    server = LocalServer()
    for rpc in harness.service.rpcs:
        server.add(rpc)
    ra = await open_registration(
        schema(database_url, "registration"), authority, clock=harness.clock, server=server
    )
    yield Pair(ra, harness)
    await ra.database.close()
    await harness.database.close()


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


async def test_a_life(pair: Pair) -> None:
    ra = pair.ra
    first, key = await ra.certificate("foo.internal", "bar.internal")
    ra.clock.advance(dt.timedelta(hours=16))
    answer = await ra.call("POST", "/renew", certificate=der(first))
    assert answer.status_code == 201, answer.text
    second = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert second.subject == first.subject
    new = keys.generate()
    body = {"csr": request_for(key=new)}
    answer = await ra.call("POST", "/rekey", body, certificate=der(second))
    assert answer.status_code == 201, answer.text
    third = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert third.public_key() == new.public_key()
    assert third.public_key() != key.public_key()
    serial = str(third.serial_number)
    token = ra.admin.revoke_token(serial, ra.clock.now())
    answer = await ra.post("/revoke", serial=serial, ott=token, passive=True, reasonCode=4)
    assert answer.status_code == 200, answer.text
    answer = await ra.call("POST", "/renew", certificate=der(third))
    assert answer.status_code == 401
    assert len(await pair.certificates()) == 3


@pytest.mark.attack("T01")
async def test_t01_fifty_at_once_make_one_certificate(pair: Pair) -> None:
    token, csr = pair.ra.admin.token("foo.internal"), request_for("foo.internal")
    answers = await asyncio.gather(*[pair.ra.sign(token, csr) for _ in range(50)])
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 49
    assert len(await pair.certificates()) == 1


async def test_a_retry_after_a_crash_gets_the_same_certificate(pair: Pair) -> None:
    token, csr = pair.ra.admin.token("foo.internal"), request_for("foo.internal")
    first = await pair.ra.sign(token, csr)  # its end is not written down: the process died
    assert first.status_code == 201
    pair.ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    again = await pair.ra.sign(token, csr)
    assert again.json()["crt"] == first.json()["crt"]
    assert len(await pair.certificates()) == 1


@pytest.mark.attack("T15")
async def test_t15_what_is_not_the_record_is_not_renewed(pair: Pair) -> None:
    certificate, _ = await pair.ra.certificate("foo.internal")
    attacker = keys.generate()
    issuer: Any = pair.harness.authority.key
    forged = x509.CertificateBuilder(
        certificate.issuer,
        certificate.subject,
        attacker.public_key(),  # pyright: ignore[reportArgumentType] - P-256
        certificate.serial_number,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        list(certificate.extensions),
    ).sign(issuer, hashes.SHA256())
    assert (await pair.ra.call("POST", "/renew", certificate=der(forged))).status_code == 401
    now = pair.ra.clock.now()
    token = renew_token.make([der(forged)], attacker, f"{CA}/renew", now)
    headers = {"authorization": f"Bearer {token}"}
    assert (await pair.ra.call("POST", "/renew", headers=headers)).status_code == 401
    assert len(await pair.certificates()) == 1


@pytest.mark.attack("T17")
async def test_t17_a_serial_of_nobody_is_not_revoked(pair: Pair) -> None:
    token = pair.ra.admin.revoke_token(4711)
    answer = await pair.ra.post("/revoke", serial="4711", ott=token, passive=True)
    assert answer.status_code == 404
    assert answer.json()["message"] == "certificate with serial number '4711' was not found"


async def test_a_weak_key_is_refused_with_the_reason(pair: Pair) -> None:
    """Key quality is the issuing authority's: its words reach the client, nothing is on record."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = rsa.generate_private_key(3, 2048)
    answer = await pair.ra.sign(
        pair.ra.admin.token("foo.internal"), request_for("foo.internal", key=weak)
    )
    assert answer.status_code == 400
    assert "exponent" in answer.json()["message"]
    assert not await pair.certificates()


@pytest.mark.attack("T01")
async def test_t01_a_token_whose_claim_the_power_took_still_makes_one_certificate(
    pair: Pair,
) -> None:
    token, csr = pair.ra.admin.token("foo.internal"), request_for("foo.internal")
    first = await pair.ra.sign(token, csr)
    forget = [
        Write(Statement("DELETE FROM used_tokens"), ()),
        Write(Statement("DELETE FROM open_uses"), ()),
    ]
    await pair.ra.database.apply(*forget)
    another = await pair.ra.sign(token, request_for("foo.internal"))
    assert another.status_code == 409
    await pair.ra.database.apply(*forget)
    assert (await pair.ra.sign(token, csr)).json()["crt"] == first.json()["crt"]
    assert len(await pair.certificates()) == 1
