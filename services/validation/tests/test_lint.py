"""pkilint finds no error in what this service publishes."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response

from fixtures.validation import ValidationHarness, open_harness, request_for


def lint_of_response(file: Path, der: bytes) -> str:
    file.write_bytes(der)
    with redirect_stdout(io.StringIO()) as found:
        lint_ocsp_response.main(["lint", "--document-format", "DER", "-s", "NOTICE", str(file)])
    return found.getvalue()


def lint_of_crl(file: Path, der: bytes) -> str:
    file.write_bytes(der)
    with redirect_stdout(io.StringIO()) as found:
        lint_crl.main(
            [
                "lint",
                "-t",
                "CRL",
                "-p",
                "PKIX",
                "--document-format",
                "DER",
                "-s",
                "NOTICE",
                str(file),
            ]
        )
    return found.getvalue()


@pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
async def test_every_response_is_clean(tmp_path: Path, kind: str) -> None:
    harness = await open_harness(tmp_path, f"sqlite:///{tmp_path / 'validation.db'}", kind=kind)
    await harness.issue(0x7001)
    for reason in range(11):
        if reason not in {7, 8}:
            await harness.revoke(0x8000 + reason, reason)
    file = tmp_path / "response"
    for serial in (0x7001, 0x666, *range(0x8000, 0x800B)):
        request = request_for(harness.ca.leaf(serial), harness.ca)
        assert lint_of_response(file, (await harness.post(request)).body).strip() == "", hex(serial)
    nonce = request_for(harness.ca.leaf(0x7001), harness.ca, nonce=b"n" * 32)
    assert lint_of_response(file, (await harness.post(nonce)).body).strip() == ""
    await harness.close()


@pytest.mark.attack("X09")
async def test_every_crl_is_clean(harness: ValidationHarness, tmp_path: Path) -> None:
    for count in (0, 1, 500):
        for serial in range(0x8000, 0x8000 + count):
            await harness.revoke(serial, serial % 7)
        await harness.parts.publisher.publish_due()
        der = (await harness.get(f"/crl/{harness.ca.id}.crl")).body
        assert lint_of_crl(tmp_path / "crl", der).strip() == "", count
