"""The issuing authority and the real signer: X05, two policies that do not depend on each other."""

import datetime as dt
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures import signer as signers
from fixtures.authority import CertificateAuthority
from fixtures.issuing import (
    IssuingHarness,
    make_request,
    make_ssh_request,
    open_harness,
    sqlite_url,
    stamp,
)
from fixtures.statements import NOW, load
from newel.crypto import keys, pem
from newel.crypto.ssh.public_keys import write_line
from newel.issuing.config import ProfileConfig, SSHIssuerConfig
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.signer.app import create_authority

DAY = dt.timedelta(days=1)


@pytest.fixture
def signer(tmp_path: Path) -> signers.SignerHarness:
    """A signer over the keys of a ceremony."""
    files = signers.authority_files(tmp_path)
    files.password_file.write_text("correct horse\n")
    files.password_file.chmod(0o600)
    create_authority(files, "Example", NOW - 10 * DAY)
    return signers.open_harness(files)


async def open_issuing(
    signer: signers.SignerHarness, folder: Path, **settings: Any
) -> IssuingHarness:
    """An issuing authority that is served by that signer."""
    files = signer.files
    authority = CertificateAuthority(
        load(files.root_certificate),
        load(files.intermediate_certificate),
        keys.generate(),  # not the intermediate's: that one is in the signer alone
        files.root_certificate,
        files.intermediate_certificate,
    )
    return await open_harness(
        sqlite_url(folder), authority, clock=signer.clock, peers=signer.server, **settings
    )


@pytest.fixture
async def harness(signer: signers.SignerHarness, tmp_path: Path) -> AsyncIterator[IssuingHarness]:
    """The issuing authority as configured by default."""
    made = await open_issuing(signer, tmp_path)
    yield made
    await made.database.close()


async def test_a_batch_is_signed_in_one_call(
    harness: IssuingHarness, signer: signers.SignerHarness
) -> None:
    results = await harness.issue(*[make_request(f"host-{i}.example") for i in range(20)])
    for result in results:
        certificate = x509.load_der_x509_certificate(result.certificate.der)
        certificate.verify_directly_issued_by(signer.issuer)
    granted = [line for line in signer.audit.lines if line["outcome"] == "granted"]
    assert len(granted) == 20
    assert {line["caller"] for line in granted} == {"issuing"}


async def test_renewal_and_rekey(harness: IssuingHarness, signer: signers.SignerHarness) -> None:
    first = await harness.one()
    signer.clock.advance(dt.timedelta(hours=12))
    key = keys.spki(keys.generate("RSA-2048").public_key())
    renewals = [
        pb.Renewal(idempotency_key=b"renewal-1", certificate=first.der),
        pb.Renewal(idempotency_key=b"renewal-2", certificate=first.der, public_key=key),
    ]
    for result in await harness.renew(*renewals):
        certificate = x509.load_der_x509_certificate(result.certificate.der)
        certificate.verify_directly_issued_by(signer.issuer)


@pytest.mark.attack("X05")
@pytest.mark.parametrize(
    ("profile", "cause"),
    [
        ({"extended_key_usages": ["codeSigning"]}, "extended key usages"),
        ({"max_duration": "9000h", "default_duration": "9000h"}, "the maximum of 90 days"),
    ],
)
async def test_the_signers_policy_has_the_last_word(
    signer: signers.SignerHarness, tmp_path: Path, profile: dict[str, Any], cause: str
) -> None:
    """A compromised issuing authority gets no code signer and no long life."""
    profiles = {"leaf": ProfileConfig.model_validate(profile)}
    harness = await open_issuing(signer, tmp_path, profiles=profiles)
    (result,) = await harness.issue(make_request())
    assert result.error.type == "serverInternal"
    assert cause in result.error.cause
    assert harness.audit.outcomes("sign") == ["refused"]
    assert await harness.rows("SELECT 1 FROM outbox") == []
    assert await harness.rows("SELECT 1 FROM certificates WHERE closed_at IS NULL") == []
    await harness.database.close()


@pytest.mark.attack("X05")
async def test_no_profile_makes_a_responder(signer: signers.SignerHarness, tmp_path: Path) -> None:
    """The linter stops it before the signer would."""
    ocsp_signing = ProfileConfig(extended_key_usages=("1.3.6.1.5.5.7.3.9",))
    harness = await open_issuing(signer, tmp_path, profiles={"leaf": ocsp_signing})
    (result,) = await harness.issue(make_request())
    assert result.HasField("error")
    assert signer.audit.lines == []
    await harness.database.close()


@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA-3072", "Ed25519"])
async def test_pkilint_finds_no_error(harness: IssuingHarness, tmp_path: Path, kind: str) -> None:
    """An independent linter finds nothing in any shape of leaf."""
    request = make_request(
        "a.example",
        "b.example",
        public_key=keys.spki(keys.generate(kind).public_key()),
        not_after=stamp(NOW + dt.timedelta(minutes=5)),
    )
    request.names.extend(
        [
            pb.GeneralName(ip=bytes([10, 0, 0, 1])),
            pb.GeneralName(ip=bytes(15) + b"\x01"),
            pb.GeneralName(email="jane@b.example"),
            pb.GeneralName(uri="https://b.example/service"),
        ]
    )
    file = tmp_path / "leaf.pem"
    file.write_bytes(pem.encode((await harness.one(request)).der))
    linter = Path(sys.executable).with_name("lint_pkix_cert")
    done = subprocess.run(
        [linter, "lint", "-s", "ERROR", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout


async def test_an_ssh_certificate_is_signed_by_its_key_and_openssh_reads_it(
    tmp_path: Path,
) -> None:
    files = signers.authority_files(tmp_path)
    files.password_file.write_text("correct horse\n")
    files.password_file.chmod(0o600)
    create_authority(files, "Example", NOW - 10 * DAY)
    configured = signers.settings(files)
    for kind in ("user", "host"):
        path = tmp_path / f"ssh_{kind}_ca_key"
        path.write_bytes(keys.encrypt_private_key(keys.generate(), b"correct horse"))
        path.chmod(0o600)
        store = {"kind": "file", "path": path, "password_file": files.password_file}
        configured["keys"].append(
            {
                "name": f"ssh-{kind}",
                "store": store,
                "ssh": {"certificate_type": kind, "max_validity": "24h"},
            }
        )
    issuers = tuple(SSHIssuerConfig(key=f"ssh-{kind}", type=kind) for kind in ("user", "host"))
    signer = signers.open_harness(files, configured)
    made = await open_issuing(signer, tmp_path, ssh_issuers=issuers)
    hour = dt.timedelta(hours=1)
    request = make_ssh_request(valid_after=stamp(NOW), valid_before=stamp(NOW + hour))
    issued = await made.one_ssh(request)
    line = tmp_path / "id-cert.pub"
    line.write_bytes(write_line(issued.der))
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", line], capture_output=True, text=True, check=True
    ).stdout
    assert 'Key ID: "alice@example.com"' in shown
    assert f"Serial: {int.from_bytes(issued.serial)}" in shown
    too_long = make_ssh_request(valid_after=stamp(NOW), valid_before=stamp(NOW + 30 * DAY))
    (refused,) = await made.issue_ssh(too_long)
    assert refused.error.type == "serverInternal"  # the signer's rules are its own
    await made.database.close()
