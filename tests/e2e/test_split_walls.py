"""The walls between the services of the split shape: database, events, calls, and the key."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import nats
import nats.errors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.needs import find_program
from fixtures.running import NEWEL, run, wait_until
from fixtures.split import Split
from newel.proto.issuing.v1 import issuing_pb2, issuing_pb2_grpc
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc

ROLES = ("registration", "issuing", "validation", "inventory", "alerting", "dashboard")


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sees_its_own_schema_only(split: Split, role: str) -> None:
    superuser = await asyncpg.connect(split.dsn("postgres"))
    tables = await superuser.fetch(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1::text[])",
        list(ROLES),
    )
    await superuser.close()
    assert {row["schemaname"] for row in tables} == set(ROLES)
    connection = await asyncpg.connect(split.dsn(role))
    try:
        for schema, table in tables:
            query = f'SELECT count(*) FROM "{schema}"."{table}"'  # noqa: S608 - names of the catalogue
            if schema == role:
                await connection.fetchval(query)
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetchval(query)
        for forbidden in (
            "CREATE TABLE public.x ()",
            "CREATE SCHEMA x",
            "CREATE ROLE x",
            "SET ROLE postgres",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()


async def test_the_database_is_reached_by_tls_and_as_oneself_only(split: Split) -> None:
    port = split.port_of("postgres")
    password = (split.state / "secrets/issuing/database.password").read_text().strip()
    plain = f"postgresql://issuing:{password}@localhost:{port}/newel?sslmode=disable"
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(plain)
    other = split.dsn("issuing").replace("//issuing:", "//validation:")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(other)


def identity(split: Split, service: str) -> ssl.SSLContext:
    secrets = split.state / "secrets" / service
    context = ssl.create_default_context(cafile=str(split.state / "certs/internal_root.crt"))
    context.load_cert_chain(secrets / "tls.crt", secrets / "tls.key")
    return context


async def publish(split: Split, service: str, subject: str) -> list[str]:
    """What NATS objects to when a service publishes."""
    objections: list[str] = []

    async def object_(error: Exception) -> None:
        objections.append(str(error))

    client = await nats.connect(
        f"tls://localhost:{split.port_of('nats')}",
        tls=identity(split, service),
        error_cb=object_,
        allow_reconnect=False,
    )
    await client.publish(subject, b"forged")
    await client.subscribe("newel.>")
    await client.flush()
    await asyncio.sleep(0.2)
    await client.close()
    return objections


@pytest.mark.parametrize(
    ("service", "subject"),
    [
        ("validation", "newel.certificate.revoked.v1"),
        ("inventory", "newel.crl.published.v1"),
        ("alerting", "newel.endpoint.renewed.v1"),
        ("issuing", "newel.endpoint.expiring.v1"),
        ("registration", "newel.certificate.issued.v1"),
        ("alerting", "newel.refusals.raised.v1"),
        ("inventory", "$JS.API.STREAM.DELETE.NEWEL"),
        ("inventory", "$JS.API.CONSUMER.DELETE.NEWEL.validation-status"),
    ],
)
async def test_a_service_cannot_forge_anothers_events_nor_read_around_its_consumer(
    split: Split, service: str, subject: str
) -> None:
    objections = " ".join(await publish(split, service, subject)).lower()
    assert f'permissions violation for publish to "{subject.lower()}"' in objections
    assert 'permissions violation for subscription to "newel.>"' in objections


async def test_who_has_no_business_with_events_is_not_let_in(split: Split) -> None:
    with pytest.raises((nats.errors.Error, OSError)):
        await publish(split, "signer", "newel.certificate.issued.v1")


def channel(split: Split, caller: Path, service: str) -> grpc.Channel:
    ports = split.config({"signer": "issuing", "issuing": "validation"}[service])
    address = ports["runtime"]["channels"][service]["address"].removeprefix("dns:///")
    root = (split.state / "certs/internal_root.crt").read_bytes()
    credentials = grpc.ssl_channel_credentials(
        root, caller.with_suffix(".key").read_bytes(), caller.with_suffix(".crt").read_bytes()
    )
    return grpc.secure_channel(
        address,
        credentials,
        (("grpc.ssl_target_name_override", service), ("grpc.enable_http_proxy", 0)),
    )


def sign_certificate(opened: grpc.Channel) -> Any:
    return signer_pb2_grpc.CertificateSignerStub(opened).SignCertificate(
        signer_pb2.SignRequest(), timeout=5
    )


def sign_crl(opened: grpc.Channel) -> Any:
    return signer_pb2_grpc.StatusSignerStub(opened).SignCRL(signer_pb2.SignRequest(), timeout=5)


def list_keys(opened: grpc.Channel) -> Any:
    return signer_pb2_grpc.KeysStub(opened).ListKeys(signer_pb2.ListKeysRequest(), timeout=5)


def issue(opened: grpc.Channel) -> Any:
    return issuing_pb2_grpc.IssuanceStub(opened).Issue(issuing_pb2.IssueRequest(), timeout=5)


@pytest.mark.parametrize(
    ("caller", "service", "call"),
    [
        ("registration", "signer", sign_certificate),
        ("registration", "signer", sign_crl),
        ("registration", "signer", list_keys),
        ("validation", "signer", sign_certificate),
        ("issuing", "signer", sign_crl),
        ("inventory", "signer", list_keys),
        ("nats", "signer", sign_certificate),
        ("validation", "issuing", issue),
        ("inventory", "issuing", issue),
        ("signer", "issuing", issue),
    ],
)
def test_only_the_callers_listed_may_call(
    split: Split, caller: str, service: str, call: Callable[[grpc.Channel], Any]
) -> None:
    certificate = split.state / f"secrets/{caller}/tls"
    with channel(split, certificate, service) as opened, pytest.raises(grpc.RpcError) as refused:
        call(opened)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED  # pyright: ignore[reportAttributeAccessIssue] - the stubs know it on calls only


@pytest.mark.needs("step")
def test_a_certificate_of_the_authority_itself_opens_no_door_inside(
    split: Split, tmp_path: Path
) -> None:
    """One who gets a leaf named "issuing" is not the issuing authority: the internal root is another."""
    files = [str(tmp_path / "issuing.crt"), str(tmp_path / "issuing.key")]
    who = ["--provisioner", "admin", "--password-file", str(split.password_file)]
    done = split.step("ca", "certificate", "issuing", *files, *who)
    assert done.returncode == 0, done.stderr
    with (
        channel(split, tmp_path / "issuing", "signer") as opened,
        pytest.raises(grpc.RpcError) as refused,
    ):
        sign_certificate(opened)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE  # pyright: ignore[reportAttributeAccessIssue] - the stubs know it on calls only


def token(split: Split, label: str, pin: str, *words: str) -> "subprocess.CompletedProcess[str]":
    module = str(find_program("libsofthsm2.so"))
    return subprocess.run(
        ["pkcs11-tool", "--module", module, "--token-label", label, "--login", "--pin", pin, *words],
        capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "SOFTHSM2_CONF": str(split.state / "config/softhsm2.conf")},
    )  # fmt: skip # a command line


def spki(path: Path) -> bytes:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.needs("pkcs11-tool")
def test_the_keys_are_in_the_token_and_cannot_leave_it(split: Split, tmp_path: Path) -> None:
    pin = (split.state / "secrets/signer/pin").read_text().strip()
    done = token(split, "newel", pin, "--list-objects", "--type", "privkey")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Private Key Object") == 2
    assert done.stdout.count("sensitive, always sensitive, never extractable") == 2
    for label, certificate in (("intermediate", "intermediate_ca"), ("ocsp", "ocsp_responder")):
        assert f"label:      {label}" in done.stdout
        out = tmp_path / label
        words = ["--read-object", "--type", "pubkey", "--label", label, "-o", str(out)]
        read = token(split, "newel", pin, *words)
        assert read.returncode == 0, read.stderr
        assert out.read_bytes() == spki(split.state / f"certs/{certificate}.crt")
    refused = token(split, "roots", pin, "--list-objects", "--type", "privkey")
    assert "CKR_PIN_INCORRECT" in refused.stderr


def test_no_file_holds_a_key_of_the_authority(split: Split) -> None:
    authority = {
        spki(split.state / f"certs/{name}.crt")
        for name in ("root_ca", "intermediate_ca", "ocsp_responder", "internal_root")
    }
    found: list[str] = []
    for path in split.state.rglob("*"):
        if not path.is_file() or b"PRIVATE KEY" not in (data := path.read_bytes()):
            continue
        found.append(path.name)
        assert path.stat().st_mode & 0o077 == 0
        key = serialization.load_pem_private_key(data, None).public_key()
        assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) not in authority
    found.remove("administrator_key")  # of a client certificate
    assert set(found) == {"tls.key"}
    assert len(found) == 9


def test_secrets_are_their_owners(split: Split) -> None:
    for folder in (split.state / "secrets").iterdir():
        if folder.is_dir():
            assert folder.stat().st_mode & 0o077 == 0
    run(["test", "-O", split.state / "secrets/signer/pin"])
    assert (split.state / "secrets/signer/pin").stat().st_mode & 0o077 == 0


def test_a_stolen_certificate_is_cut_off_by_one_command(split: Split, tmp_path: Path) -> None:
    """As docs/runbooks/stolen-service-key.md says, and without a restart."""
    certificate = split.state / "secrets/registration/tls.crt"
    refused = split.state / "certs/refused_peers"

    def issue() -> "subprocess.CompletedProcess[str]":
        return split.step(
            "ca", "certificate", "a.example", str(tmp_path / "a.crt"), str(tmp_path / "a.key"), "--force",
            "--provisioner", "admin", "--provisioner-password-file", str(split.password_file),
        )  # fmt: skip # a command line

    assert issue().returncode == 0
    try:
        run(["sh", "-ec", f"{NEWEL} certificate fingerprint {certificate} >> {refused}"])
        wait_until(lambda: issue().returncode != 0)
        assert issue().returncode != 0
        assert "refused to a certificate that is refused" in split.logs()
    finally:
        refused.unlink()
    wait_until(lambda: issue().returncode == 0)
