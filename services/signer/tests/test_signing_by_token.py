"""The signer on a real token: everything that files can do, and what happens when the token is gone."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures import statements as made
from fixtures.signer import SignerHarness, open_harness
from fixtures.statements import DAY, load
from newel.crypto import keys, pem
from newel.crypto.certificate import assemble
from newel.runtime.clock import SystemClock
from newel.runtime.errors import NewelError
from newel.signer.app import AuthorityFiles
from newel.signer.ceremony.execution import run_ceremony
from newel.signer.ceremony.plan import Plan
from newel.signer.keys import SigningKey
from newel.signer.signing import Signer


def in_token(hsm: Any, label: str) -> dict[str, Any]:
    return {
        "kind": "pkcs11",
        "module": str(hsm.library),
        "token": "first",
        "pin_file": str(hsm.pin_file),
        "label": label,
        "id": label.encode().hex(),
    }


def run_plan(files: AuthorityFiles, hsm: Any, algorithm: str) -> None:
    """A root in a file, and an intermediate and a responder in the token."""

    def certificate(name: str, role: str, path: Path, store: dict[str, Any], **more: Any) -> Any:
        subject = {"common_name": f"Example {name}"}
        return (
            {"name": name, "role": role, "subject": subject, "certificate": path}
            | more
            | {"store": store}
        )

    root_store = {"kind": "file", "path": files.root_key, "password_file": files.password_file}
    label = files.record.parent.name  # a folder of its own for every test, and so keys of its own
    plan = {
        "record": files.record,
        "certificates": [
            certificate("root", "root", files.root_certificate, root_store),
            certificate(
                "intermediate",
                "intermediate",
                files.intermediate_certificate,
                in_token(hsm, f"intermediate-{label}"),
                issuer="root",
                algorithm=algorithm,
            ),
            certificate(
                "ocsp",
                "ocsp-responder",
                files.responder_certificate,
                in_token(hsm, f"ocsp-{label}"),
                issuer="intermediate",
                algorithm=algorithm,
            ),
        ],
    }
    run_ceremony(Plan.model_validate(plan), SystemClock().now())


def open_token_harness(files: AuthorityFiles, hsm: Any) -> SignerHarness:
    label = files.record.parent.name
    harness = open_harness(
        files,
        {
            "keys": [
                {
                    "name": "intermediate",
                    "store": in_token(hsm, f"intermediate-{label}"),
                    "certificate": files.intermediate_certificate,
                    "certificates": {},
                    "crls": {},
                },
                {
                    "name": "ocsp",
                    "store": in_token(hsm, f"ocsp-{label}"),
                    "certificate": files.responder_certificate,
                    "ocsp": {"issuer_certificate": files.intermediate_certificate},
                },
            ]
        },
    )
    harness.clock.advance(SystemClock().now() - harness.clock.now())
    return harness


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("algorithm", ["P-256", "P-384", "RSA-2048", "Ed25519"])
async def test_openssl_takes_what_the_token_signed(
    files: AuthorityFiles, hsm: Any, algorithm: str
) -> None:
    run_plan(files, hsm, algorithm)
    harness = open_token_harness(files, hsm)
    now = harness.clock.now()
    period: dict[str, Any] = {"begin": now, "end": now + DAY}
    bodies = [made.leaf(harness.issuer, serial=(1 << 80) + n, **period) for n in range(12)]
    answers = await harness.sign("SignCertificate", *bodies)
    public: Any = harness.issuer.public_key()
    algorithm_id = keys.signature_algorithm(public)
    for body, answer in zip(bodies, answers, strict=True):
        keys.verify(public, answer.signature, body)
    leaf = files.record.with_name("leaf.crt")
    leaf.write_bytes(pem.encode(assemble(bodies[0], algorithm_id, answers[0].signature)))
    listed = made.crl(harness.issuer, this_update=now, next_update=now + DAY)
    (answer,) = await harness.sign("SignCRL", listed)
    assert answer.signature, answer.error
    crl = files.record.with_name("list.crl")
    crl.write_bytes(pem.encode(assemble(listed, algorithm_id, answer.signature), "X509 CRL"))
    subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", crl,
         "-CAfile", files.root_certificate, "-untrusted", files.intermediate_certificate, leaf],
        check=True, capture_output=True,
    )  # fmt: skip # a command line
    body = made.ocsp_response(
        harness.responder, harness.issuer, this_update=now, next_update=now + DAY
    )
    (answer,) = await harness.sign("SignOCSP", body, key="ocsp")
    responder: Any = harness.responder.public_key()
    keys.verify(responder, answer.signature, body)
    assert {line["outcome"] for line in harness.audit.lines} == {"granted"}


@pytest.mark.attack("X06")
async def test_a_lost_token_is_said_to_be_unavailable_and_found_again(
    files: AuthorityFiles, hsm: Any
) -> None:
    run_plan(files, hsm, "P-256")
    harness = open_token_harness(files, hsm)
    await harness.service.start[0]()
    now = harness.clock.now()
    body = made.leaf(harness.issuer, begin=now, end=now + DAY)
    away = hsm.folder.with_name("away")
    hsm.folder.rename(away)
    hsm.folder.mkdir()
    try:
        (answer,) = await harness.sign("SignCertificate", body)
        assert answer.error.type == "unavailable"
        assert harness.audit.lines[-1]["outcome"] == "refused"
        with pytest.raises(NewelError, match="keys that do not work: intermediate, ocsp"):
            await harness.service.start[0]()
        usable = harness.registry.get_sample_value("newel_signer_key_usable", {"key": "ocsp"})
        assert usable == 0
    finally:
        hsm.folder.rmdir()
        away.rename(hsm.folder)
    deadline = time.monotonic() + 10
    while answer.error.type == "unavailable" and time.monotonic() < deadline:
        (answer,) = await harness.sign("SignCertificate", body)
    public: Any = load(files.intermediate_certificate).public_key()
    keys.verify(public, answer.signature, body)
    await harness.service.start[0]()
    assert harness.service.ready
    await harness.service.ready()


class Faulty:
    """A shim before a key of a token that flips one bit of what the device answers."""

    needs_verification = True
    max_body = None

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.public_key, self.concurrency = key.public_key, key.concurrency

    def sign(self, body: bytes) -> bytes:
        signature = bytearray(self._key.sign(body))
        signature[-1] ^= 1
        return bytes(signature)

    def close(self) -> None:
        self._key.close()


@pytest.mark.attack("X06")
@pytest.mark.parametrize(
    ("algorithm", "method"),
    [("RSA-2048", "SignCertificate"), ("RSA-2048", "SignCRL"), ("P-256", "SignCRL")],
)
async def test_a_signature_that_a_device_got_wrong_is_not_released(
    files: AuthorityFiles, hsm: Any, algorithm: str, method: str
) -> None:
    run_plan(files, hsm, algorithm)
    harness = open_token_harness(files, hsm)
    servicer: Any = harness.service.rpcs[0].servicer
    signer: Signer = servicer._signer
    role = signer.roles["intermediate"]
    signer.replace_role(replace(role, key=Faulty(role.key)))
    now = harness.clock.now()
    body = (
        made.crl(harness.issuer, this_update=now, next_update=now + DAY)
        if method == "SignCRL"
        else made.leaf(harness.issuer, begin=now, end=now + DAY)
    )
    (answer,) = await harness.sign(method, body)
    assert not answer.signature
    assert answer.error.type == "unavailable"
    assert "does not verify" in harness.audit.lines[-1]["cause"]
    with pytest.raises(NewelError, match="intermediate"):
        await harness.service.start[0]()
