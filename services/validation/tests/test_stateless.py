"""The responder that is fed by files: OCSP from a published CRL and a delegated key alone."""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from prometheus_client import CollectorRegistry

from fixtures.validation import HASHES, NOW, request_for
from fixtures.validation_pki import CertificateAuthority, write_pem
from newel.crypto import keys
from newel.runtime.clock import ManualClock
from newel.runtime.config import ConfigError, validate
from newel.runtime.errors import NewelError
from newel.validation.stateless.app import Parts, assemble
from newel.validation.stateless.config import Config

DAY = dt.timedelta(days=1)
REASON = x509.ReasonFlags.key_compromise


@dataclass
class Deployment:
    """A responder, and the authority that publishes the list that it reads."""

    ca: CertificateAuthority
    folder: Path
    clock: ManualClock
    registry: CollectorRegistry
    parts: Parts

    @property
    def crl_file(self) -> Path:
        return self.folder / "ca.crl"

    async def publish(self, *revoked: int, **choices: Any) -> bytes:
        crl = make_list(self.ca, revoked, self.clock.now(), **choices)
        beside = self.crl_file.with_suffix(".new")
        beside.write_bytes(crl)
        beside.replace(self.crl_file)
        await self.parts.watch.refresh()
        return crl

    async def ask(
        self, serial: int, algorithm: hashes.HashAlgorithm | None = None, nonce: bytes | None = None
    ) -> ocsp.OCSPResponse:
        request = request_for(self.ca.leaf(serial), self.ca, algorithm, nonce)
        response = ocsp.load_der_ocsp_response(await self.send("POST", "/ocsp", request))
        if response.response_status is OCSPResponseStatus.SUCCESSFUL:
            (responder,) = response.certificates
            responder.verify_directly_issued_by(self.ca.certificate)
            keys.verify(responder.public_key(), response.signature, response.tbs_response_bytes)  # type: ignore[arg-type]
        return response

    async def send(self, method: str, path: str, body: bytes = b"") -> bytes:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"", "headers": [],
        }  # fmt: skip # a table
        await self.parts.web(scope, receive, send)
        return b"".join(message["body"] for message in sent[1:])


def make_list(
    ca: CertificateAuthority,
    revoked: Sequence[int],
    now: dt.datetime,
    *,
    number: int | None = None,
    life: dt.timedelta = DAY,
    more: Sequence[x509.ExtensionType] = (),
) -> bytes:
    """A list as another program makes it."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.name)
        .last_update(now)
        .next_update(now + life)
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=True)
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
        entry = entry.add_extension(x509.CRLReason(REASON), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def write_key(path: Path, key: keys.PrivateKey) -> Path:
    path.write_bytes(keys.plain_private_key(key))
    return path


def open_responder(folder: Path, kind: str = "P-256", **choices: Any) -> Deployment:
    clock, registry = ManualClock(NOW), CollectorRegistry()
    ca = CertificateAuthority("Another Authority", NOW, kind=kind)
    key = keys.generate(kind)
    issuer = {
        "certificate_file": write_pem(folder / "ca.crt", ca.certificate),
        "crl_file": folder / "ca.crl",
        "responder_certificate_file": write_pem(folder / "ocsp.crt", ca.responder(key)),
        "responder_key_file": write_key(folder / "ocsp.key", key),
        **choices,
    }
    config = validate(Config, {"issuers": [issuer]}, "responder")
    return Deployment(ca, folder, clock, registry, assemble(config, clock, registry))


@pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
async def test_what_is_listed_is_revoked_and_the_rest_is_unknown(tmp_path: Path, kind: str) -> None:
    fed = open_responder(tmp_path, kind)
    await fed.publish(0x7001, 0xFF02)
    for algorithm in HASHES:
        for serial in (0x7001, 0xFF02):  # the DER of the second begins with a zero octet
            revoked = await fed.ask(serial, algorithm)
            assert revoked.certificate_status is OCSPCertStatus.REVOKED
            assert revoked.revocation_time_utc == NOW
            assert revoked.revocation_reason is REASON
        assert (await fed.ask(0x7002, algorithm)).certificate_status is OCSPCertStatus.UNKNOWN
    assert fed.registry.get_sample_value("newel_ocsp_answers_total", {"answer": "unknown"}) == 4


async def test_good_for_the_rest_is_the_operators_word_and_a_metric_says_so(tmp_path: Path) -> None:
    fed = open_responder(tmp_path, unlisted="good")
    await fed.publish(0x7001)
    assert (await fed.ask(0x7002)).certificate_status is OCSPCertStatus.GOOD
    assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.REVOKED
    value = fed.registry.get_sample_value("newel_responder_unlisted_good", {"issuer": fed.ca.id})
    assert value == 1


async def test_an_answer_holds_for_no_longer_than_its_list(tmp_path: Path) -> None:
    """RFC 6960 §2.4: thisUpdate is when the status was known to be correct."""
    fed = open_responder(tmp_path, unlisted="good")
    await fed.publish(0x7001, life=dt.timedelta(hours=6))
    fed.clock.advance(dt.timedelta(hours=1))
    for serial in (0x7001, 0x7002):
        answer = await fed.ask(serial)
        assert answer.produced_at_utc == NOW + dt.timedelta(hours=1)
        (single,) = answer.responses
        assert single.this_update_utc == NOW
        assert single.next_update_utc == NOW + dt.timedelta(hours=6)


@pytest.mark.attack("X10")
async def test_without_a_valid_list_clients_are_told_to_try_later(tmp_path: Path) -> None:
    fed = open_responder(tmp_path, unlisted="good")
    await fed.parts.watch.refresh()
    assert (await fed.ask(0x7001)).response_status is OCSPResponseStatus.TRY_LATER
    with pytest.raises(NewelError, match="there is no CRL"):
        await fed.parts.watch.ready()
    await fed.publish(0x7001)
    await fed.parts.watch.ready()
    assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.REVOKED
    fed.clock.advance(DAY)
    for serial in (0x7001, 0x7002):
        assert (await fed.ask(serial)).response_status is OCSPResponseStatus.TRY_LATER
    with pytest.raises(NewelError, match="not valid at this time"):
        await fed.parts.watch.ready()
    await fed.publish(0x7001)
    await fed.parts.watch.ready()
    assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.REVOKED


@pytest.mark.attack("X08")
async def test_a_new_list_changes_answers_that_were_kept(tmp_path: Path) -> None:
    fed = open_responder(tmp_path, unlisted="good")
    await fed.publish(number=1)
    assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.GOOD
    await fed.publish(0x7001, number=2)
    assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.REVOKED
    nonce = b"n" * 32
    assert (
        (await fed.ask(0x7001, nonce=nonce))
        .extensions.get_extension_for_class(x509.OCSPNonce)
        .value.nonce
    ) == nonce


@pytest.mark.attack("X09")
async def test_a_list_that_is_none_older_or_anothers_leaves_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fed = open_responder(tmp_path)
    kept = await fed.publish(0x7001, number=5)
    other = CertificateAuthority("Another Authority", NOW)
    only_users = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    bad = [
        (b"no list", "not a revocation list"),
        (make_list(other, (), NOW, number=6), "signature"),
        (make_list(fed.ca, (), NOW, number=4), "not higher"),
        (make_list(fed.ca, (), NOW, number=6, more=[only_users]), "every certificate"),
        (make_list(fed.ca, (), NOW, number=6, more=[x509.DeltaCRLIndicator(5)]), "delta"),
    ]
    for octets, reason in bad:
        caplog.clear()
        fed.crl_file.unlink()
        fed.crl_file.write_bytes(octets)
        with caplog.at_level(logging.WARNING, "newel.validation"):
            await fed.parts.watch.refresh()
        assert reason in caplog.text
        assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.REVOKED
        assert await fed.send("GET", "/crl") == kept


async def test_lists_without_numbers_follow_their_times(tmp_path: Path) -> None:
    """As some programs publish them."""
    fed = open_responder(tmp_path)
    await fed.publish(0x7001)
    fed.clock.advance(dt.timedelta(minutes=1))
    await fed.publish(0x7001, 0x7002)
    assert (await fed.ask(0x7002)).certificate_status is OCSPCertStatus.REVOKED


async def test_a_responder_key_is_replaced_with_its_certificate(tmp_path: Path) -> None:
    fed = open_responder(tmp_path)
    await fed.publish(0x7001)
    key = keys.generate()
    write_key(tmp_path / "ocsp.key", key)
    certificate = fed.ca.responder(key)
    write_pem(tmp_path / "ocsp.crt", certificate)
    await fed.parts.watch.refresh()
    assert (await fed.ask(0x7001)).certificates == [certificate]


@pytest.mark.attack("X10")
async def test_a_key_that_is_not_the_certificates_signs_nothing_that_leaves(tmp_path: Path) -> None:
    fed = open_responder(tmp_path)
    await fed.publish(0x7001)
    write_key(tmp_path / "ocsp.key", keys.generate())
    await fed.parts.watch.refresh()
    assert (await fed.ask(0x7001)).response_status is OCSPResponseStatus.TRY_LATER


def test_a_responder_without_its_key_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.key"):
        open_responder(tmp_path, responder_key_file=tmp_path / "absent.key")
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(keys.encrypt_private_key(keys.generate(), b"secret"))
    with pytest.raises(ConfigError, match=r"encrypted\.key"):
        open_responder(tmp_path, responder_key_file=encrypted)


def test_what_a_list_does_not_tell_cannot_be_asked_for() -> None:
    files = ("certificate_file", "crl_file", "responder_certificate_file", "responder_key_file")
    table = {"issuers": [dict.fromkeys(files, "x")], "ocsp": {"never_issued": "revoked"}}
    with pytest.raises(ConfigError, match="does not tell what was never issued"):
        validate(Config, table, "responder")


def point(url: str) -> x509.IssuingDistributionPoint:
    """A shard's name, as this authority and others give one."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)], relative_name=None,
        only_contains_user_certs=False, only_contains_ca_certs=False, only_some_reasons=None,
        indirect_crl=False, only_contains_attribute_certs=False,
    )  # fmt: skip # a table


async def test_a_shard_makes_nothing_good(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """RFC 5280 §5.2.5: it lists those certificates alone that name it."""
    shard, complete = "http://ca.example/crl/16-3.crl", "http://ca.example/crl/all.crl"
    fed = open_responder(tmp_path, unlisted="good", distribution_point=complete)
    await fed.publish(0x7001, more=[point(shard)])
    later = OCSPResponseStatus.TRY_LATER
    assert (await fed.ask(0x7002)).response_status is later
    assert f"it names a distribution point, {shard}: it may be a shard" in caplog.text
    await fed.publish(0x7001, 0x7003, more=[point(complete)])
    assert (await fed.ask(0x7002)).certificate_status is OCSPCertStatus.GOOD
    assert (await fed.ask(0x7003)).certificate_status is OCSPCertStatus.REVOKED


async def test_a_shard_tells_what_is_revoked_where_the_rest_is_unknown(tmp_path: Path) -> None:
    fed = open_responder(tmp_path)
    await fed.publish(0x7001, more=[point("http://ca.example/crl/16-3.crl")])
    assert (await fed.ask(0x7001)).certificate_status is OCSPCertStatus.REVOKED
    assert (await fed.ask(0x7002)).certificate_status is OCSPCertStatus.UNKNOWN
