"""The throw-away authority's faults, judged by the library others use and by openssl."""

import subprocess
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from newel.client.clock import now
from newel.client.identity import Identity
from newel.client.throwaway import ThrowawayAuthority
from newel.client.throwaway_server import ThrowawayServer


@pytest.mark.needs("openssl")
def test_openssl_believes_it(throwaway_authority: ThrowawayAuthority, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(throwaway_authority.root_pem)
    cases = {
        "good": (throwaway_authority.issue_cert("a.internal"), "OK"),
        "expired": (throwaway_authority.expired_cert("a.internal"), "certificate has expired"),
        "revoked": (throwaway_authority.revoked_cert("a.internal"), "certificate revoked"),
    }
    crl = x509.load_der_x509_crl(throwaway_authority.crl())
    (tmp_path / "crl.pem").write_bytes(crl.public_bytes(Encoding.PEM))
    for name, (credential, said) in cases.items():
        (tmp_path / f"{name}.pem").write_bytes(credential.chain_pem)
        done = subprocess.run(
            ["openssl", "verify", "-crl_check", "-CAfile", "root.pem", "-CRLfile", "crl.pem", f"{name}.pem"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip # a command line
        assert said in done.stdout + done.stderr


def test_status_and_its_faults(throwaway_server: ThrowawayServer) -> None:
    authority = throwaway_server.authority
    for credential, expected in (
        (authority.issue_cert("a"), ocsp.OCSPCertStatus.GOOD),
        (authority.revoked_cert("a"), ocsp.OCSPCertStatus.REVOKED),
    ):
        assert ask(throwaway_server, credential.certificate).certificate_status == expected
    certificate = authority.issue_cert("a").certificate
    throwaway_server.ocsp_fault = "unknown"
    found = ask(throwaway_server, certificate)
    assert found.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
    throwaway_server.ocsp_fault = "stale"
    end = ask(throwaway_server, certificate).next_update_utc
    assert end is not None
    assert end < now()
    throwaway_server.ocsp_fault = "tryLater"
    assert ask(throwaway_server, certificate).response_status == ocsp.OCSPResponseStatus.TRY_LATER
    throwaway_server.crl_fault = "stale"
    body = httpx.get(f"{throwaway_server.http_url}/crl").content
    stale = x509.load_der_x509_crl(body).next_update_utc
    assert stale is not None
    assert stale < now()


def ask(server: ThrowawayServer, certificate: x509.Certificate) -> ocsp.OCSPResponse:
    root = server.authority.root
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, root, hashes.SHA1())  # noqa: S303 - RFC 6960's own
    body = builder.build().public_bytes(Encoding.DER)
    return ocsp.load_der_ocsp_response(httpx.post(f"{server.http_url}/ocsp", content=body).content)


def test_an_identity_that_renews_on_demand(rotating_identity: Identity) -> None:
    before = rotating_identity.credential
    assert rotating_identity.renew().certificate.serial_number != before.certificate.serial_number
    url = f"{rotating_identity.url}/health"
    assert httpx.get(url, verify=rotating_identity.client_context()).json() == {"status": "ok"}
