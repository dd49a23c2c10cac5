"""Certbot: a certificate, nginx with a stapled response, revocation seen in OCSP and CRL."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from fixtures.needs import find_program
from fixtures.running import Authority, run, wait_until
from fixtures.scenarios import Shell
from fixtures.tls_services import nginx

pytestmark = pytest.mark.needs("certbot", "openssl")


@pytest.fixture(scope="module")
def certbot(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory, http01_port: int
) -> Path:
    """The folder of a certbot that has got a certificate for localhost."""
    home = tmp_path_factory.mktemp("certbot")
    run(
        [
            "certbot", "certonly", "-n", "--standalone", "--agree-tos", "-m", "you@example.com", "-d", "localhost",
            "--server", authority.directory, "--http-01-port", str(http01_port), *folders(home),
        ],
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(authority.root)},
    )  # fmt: skip # a command line
    return home


def folders(home: Path) -> list[str]:
    return [
        word for name in ("config", "work", "logs") for word in (f"--{name}-dir", str(home / name))
    ]


def live(home: Path, name: str) -> Path:
    return home / "config/live/localhost" / name


def test_as_it_is_typed(authority: Authority, tmp_path: Path, http01_port: int) -> None:
    """No mail address, no terms to agree to; the root is the one that bootstrap stored."""
    foo = Shell(tmp_path, "ours", authority).bootstrap()
    said = foo.type_line(
        "REQUESTS_CA_BUNDLE=$(step path)/certs/root_ca.crt certbot certonly -n --standalone -d localhost "
        f"--server {authority.directory} --register-unsafely-without-email "
        f"--http-01-port {http01_port} {' '.join(folders(tmp_path))}"
    )
    assert "Successfully received certificate." in said
    chain = live(tmp_path, "fullchain.pem")
    assert chain.read_text().count("BEGIN CERTIFICATE") == 2
    verify = f"openssl verify -CAfile $(step path)/certs/root_ca.crt -untrusted {chain} {chain}"
    assert foo.type_line(verify) == f"{chain}: OK\n"


@pytest.mark.needs("certbot-1.21")
def test_the_certbot_of_ubuntu_22_04_gets_a_certificate(
    authority: Authority, tmp_path: Path, http01_port: int
) -> None:
    """Before 1.29 its requests were of a version that PKCS #10 does not have (RFC 2986 §4.1)."""
    run(
        [
            str(find_program("certbot-1.21")), "certonly", "-n", "--standalone", "-d", "localhost",
            "--server", authority.directory, "--register-unsafely-without-email", "--agree-tos",
            "--http-01-port", str(http01_port), *folders(tmp_path),
        ],
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(authority.root)},
    )  # fmt: skip # a command line
    (request,) = (tmp_path / "config/csr").iterdir()
    shown = run(["openssl", "req", "-in", request, "-noout", "-text"]).stdout
    assert re.search(r"Version: .*2\)", shown)
    chain = live(tmp_path, "fullchain.pem")
    run(["openssl", "verify", "-CAfile", authority.root, "-untrusted", chain, chain])


def test_the_certificate_chains_to_the_root_and_carries_what_relying_parties_need(
    authority: Authority, certbot: Path
) -> None:
    leaf = live(certbot, "cert.pem")
    run(
        [
            "openssl",
            "verify",
            "-CAfile",
            authority.root,
            "-untrusted",
            live(certbot, "chain.pem"),
            leaf,
        ]
    )
    text = run(["openssl", "x509", "-in", leaf, "-noout", "-text"]).stdout
    for needed in (
        "DNS:localhost",
        f"OCSP - URI:{authority.http_url}/ocsp",
        "CA Issuers - URI:",
        "X509v3 CRL Distribution Points",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "1.3.6.1.4.1.37476.9000.64.1",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ):
        assert needed in text


def test_ocsp_says_good_and_ca_issuers_serves_the_issuer(
    authority: Authority, certbot: Path
) -> None:
    leaf = live(certbot, "cert.pem")
    wait_until(lambda: authority.ocsp(leaf) == "good")
    certificate = x509.load_pem_x509_certificate(leaf.read_bytes())
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    url = next(
        entry.access_location.value
        for entry in access
        if entry.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    )
    served = subprocess.run(["curl", "-sf", url], capture_output=True, check=True).stdout
    issuer = x509.load_der_x509_certificate(served)
    certificate.verify_directly_issued_by(issuer)


@pytest.mark.needs("nginx", "curl")
def test_nginx_serves_it_with_a_stapled_answer(
    authority: Authority, certbot: Path, tmp_path: Path
) -> None:
    wait_until(lambda: authority.ocsp(live(certbot, "cert.pem")) == "good")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.issuer.read_bytes() + authority.root.read_bytes())
    body = f"""
        ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate {trusted};
        location / {{ return 200 "served\\n"; }}"""
    with nginx(tmp_path, live(certbot, "fullchain.pem"), live(certbot, "privkey.pem"), body) as (
        url,
        _,
    ):
        ask = ["curl", "-sf", "--cacert", str(authority.root), url]
        wait_until(lambda: run(ask).stdout == "served\n")

        def is_stapled() -> bool:
            said = subprocess.run(
                ["openssl", "s_client", "-connect", url.split("/")[2], "-status",
                 "-CAfile", str(authority.root)],
                input="", capture_output=True, text=True, check=False,
            ).stdout  # fmt: skip # a command line
            return "Cert Status: good" in said and "Verify return code: 0" in said

        wait_until(is_stapled)


def test_certbot_revoke_shows_in_ocsp_and_in_the_crl(
    authority: Authority, certbot: Path, tmp_path: Path
) -> None:
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(live(certbot, "cert.pem").read_bytes())
    wait_until(lambda: authority.ocsp(leaf) == "good")
    run(
        [
            "certbot", "revoke", "-n", "--cert-path", live(certbot, "cert.pem"), "--reason", "superseded",
            "--server", authority.directory, "--no-delete-after-revoke", *folders(certbot),
        ],
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(authority.root)},
    )  # fmt: skip # a command line
    wait_until(lambda: authority.ocsp(leaf) == "revoked")
    certificate = x509.load_pem_x509_certificate(leaf.read_bytes())
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = points[0].full_name or []
    crl = tmp_path / "crl.der"

    def is_listed() -> bool:
        run(["curl", "-sf", "-o", crl, names[0].value])
        text = run(
            [
                "openssl",
                "crl",
                "-inform",
                "DER",
                "-in",
                crl,
                "-noout",
                "-text",
                "-CAfile",
                authority.issuer,
            ]
        )
        return (
            re.search(rf"Serial Number: 0*{certificate.serial_number:X}\b", text.stdout) is not None
        )

    wait_until(is_listed)
