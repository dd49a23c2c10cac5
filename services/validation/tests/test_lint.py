"""pkilint finds no error in what this service publishes (issue 3, shown by 4)."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response

from fixtures.validation import House, open_house, request_for


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
    house = await open_house(tmp_path, f"sqlite:///{tmp_path / 'validation.db'}", kind=kind)
    await house.issue(0x7001)
    for reason in range(11):
        if reason not in {7, 8}:
            await house.revoke(0x8000 + reason, reason)
    file = tmp_path / "response"
    for serial in (0x7001, 0x666, *range(0x8000, 0x800B)):
        request = request_for(house.ca.leaf(serial), house.ca)
        assert lint_of_response(file, (await house.post(request)).body).strip() == "", hex(serial)
    nonce = request_for(house.ca.leaf(0x7001), house.ca, nonce=b"n" * 32)
    assert lint_of_response(file, (await house.post(nonce)).body).strip() == ""
    await house.close()


@pytest.mark.attack("X09")
async def test_every_crl_is_clean(house: House, tmp_path: Path) -> None:
    for count in (0, 1, 500):
        for serial in range(0x8000, 0x8000 + count):
            await house.revoke(serial, serial % 7)
        await house.parts.publisher.publish_due()
        der = (await house.get(f"/crl/{house.ca.id}.crl")).body
        assert lint_of_crl(tmp_path / "crl", der).strip() == "", count
