"""A certificate names the shard of the revocation list that refuses it later; delta lists beside it."""

import subprocess
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.processes import free_port
from fixtures.running import configure, serve_newel, wait_until

CRL = x509.CertificateRevocationList


def fetch(url: str) -> CRL:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http on the loopback
        return x509.load_der_x509_crl(answer.read())


def url_in(point: x509.DistributionPoint) -> str:
    (name,) = point.full_name or []
    return str(name.value)


@pytest.mark.needs("step", "openssl")
def test_step_and_openssl_follow_a_certificate_to_its_shard_and_to_the_delta_list(
    tmp_path: Path,
) -> None:
    state, ports = tmp_path / "state", (free_port(), free_port())
    with serve_newel(state, *ports):
        pass
    configure(
        state,
        issuing={"urls": {"crlShards": 4}},
        validation={"crl": {"deltas": True, "folder": str(tmp_path / "hosted")}},
    )
    with serve_newel(state, *ports) as (authority, _):
        certificate, key = tmp_path / "srv.crt", tmp_path / "srv.key"
        authority.step(
            "ca", "certificate", "srv.test", str(certificate), str(key), "--provisioner", "admin",
            "--provisioner-password-file", str(authority.password_file),
        )  # fmt: skip # a command line
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        (point,) = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        before = fetch(url_in(point))
        verify = ["certificate", "verify", str(certificate), "--roots", str(authority.root),
                  "--verify-crl", "--issuing-ca", str(authority.issuer)]  # fmt: skip # a command line
        assert authority.step(*verify).returncode == 0
        revoked = authority.step("ca", "revoke", "--cert", str(certificate), "--key", str(key))
        assert revoked.returncode == 0, revoked.stderr

        def is_listed(url: str) -> bool:
            return (
                fetch(url).get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
            )

        wait_until(lambda: is_listed(url_in(point)))
        refused = authority.step(*verify)
        assert refused.returncode != 0
        assert "revoked" in refused.stderr
        (freshest,) = before.extensions.get_extension_for_class(x509.FreshestCRL).value
        assert is_listed(url_in(freshest))
        complete = authority.http_url + "/crl"
        wait_until(lambda: is_listed(complete))
        # who holds the list of before and the delta list of now refuses it too
        lists = before.public_bytes(Encoding.PEM) + fetch(url_in(freshest)).public_bytes(
            Encoding.PEM
        )
        (tmp_path / "lists.pem").write_bytes(lists)
        judged = subprocess.run(
            ["openssl", "verify", "-crl_check", "-extended_crl", "-use_deltas",
             "-CAfile", authority.root, "-untrusted", authority.issuer,
             "-CRLfile", tmp_path / "lists.pem", certificate],
            capture_output=True, text=True, check=False,
        )  # fmt: skip # a command line
        assert "certificate revoked" in judged.stdout + judged.stderr
        # the same lists by the same names for static hosting
        for url in (url_in(point), url_in(freshest)):
            hosted = tmp_path / "hosted" / url.removeprefix(f"{authority.http_url}/crl/")
            wait_until(
                lambda hosted=hosted, url=url: (
                    hosted.read_bytes() == fetch(url).public_bytes(Encoding.DER)
                )
            )
