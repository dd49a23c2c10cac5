"""Issuers that other programs made: what their keys may do is done, and no more is missed."""

from pathlib import Path

import pytest
from cryptography.x509 import ocsp

from fixtures.validation import NOW, issuance_event, open_harness, request_for
from fixtures.validation_pki import CertificateAuthority, key_usage


async def test_an_authority_whose_key_may_not_sign_lists_has_everything_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = CertificateAuthority(
        "No lists", NOW, usage=key_usage(digital_signature=True, crl_sign=False)
    )
    harness = await open_harness(
        tmp_path / "harness", f"sqlite:///{tmp_path}/validation.db", others=[other]
    )
    assert "may not sign CRLs (its key usage), so none are published" in caplog.text
    await harness.parts.publisher.publish_due()
    await harness.parts.watch.ready()
    assert (await harness.get(f"/crl/{harness.ca.id}.crl")).status == 200
    assert (await harness.get(f"/crl/{other.id}.crl")).status == 404
    leaf = other.leaf(0x1234)
    await harness.deliver(issuance_event(leaf, other.id))
    reply = await harness.post(request_for(leaf, other))
    answer = ocsp.load_der_ocsp_response(reply.body)
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    await harness.close()


async def test_the_issuers_file_may_have_its_root_first_and_text_around(tmp_path: Path) -> None:
    folder = tmp_path / "harness"
    harness = await open_harness(folder, f"sqlite:///{tmp_path}/validation.db")
    (file,) = folder.glob(f"{harness.ca.id}.crt")
    file.write_bytes(
        b"the root\r\n" + harness.root.pem + b"the issuer\r\n" + harness.ca.pem + b"\0"
    )
    again = await open_harness(folder, f"sqlite:///{tmp_path}/validation.db", beside=harness)
    await again.parts.publisher.publish_due()
    assert (await again.get(f"/crl/{harness.ca.id}.crl")).status == 200
    await again.close()
    await harness.close()
