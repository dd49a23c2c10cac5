"""Bootstrap of a host, and certificates and requests, for each pair of program and authority."""

import pytest

from fixtures.machine import root_fingerprint
from fixtures.scenarios import Shell, shell, stranger

__all__ = ["shell", "stranger"]

pytestmark = pytest.mark.needs("openssl", "jq")
NEW = "Please enter the password to encrypt the private key"
OPEN = "Please enter the password to decrypt the provisioner key"


def test_the_root_securely(stranger: Shell) -> None:
    """A server that repeats another authority's root is in test_cli_ca: the original believes it."""
    known = stranger.required_authority
    sha = stranger.type_line(f"step certificate fingerprint {known.root}").strip()
    assert sha == root_fingerprint(known)
    said = stranger.read_messages(
        f"step ca root root_ca.crt --ca-url {known.url} --fingerprint {sha}"
    )
    assert said == "The root certificate has been saved in root_ca.crt.\n"
    assert stranger.read("root_ca.crt").strip() == known.root.read_text().strip()
    text = stranger.type_line("step certificate inspect root_ca.crt")
    for line in ("Version: 3 (0x2)", "X509v3 Key Usage: critical", "CA:TRUE, pathlen:1"):
        assert line in text
    stranger.type_line(
        f"step ca root bad.crt --ca-url {known.url} --fingerprint {'0' * 64}", code=1
    )
    assert not (stranger.home / "bad.crt").exists()


def test_bootstrap_a_host(stranger: Shell) -> None:
    known = stranger.required_authority
    sha = root_fingerprint(known)
    bar = Shell(stranger.home / "bar", stranger.program, known)
    bar.type_line(f"step ca bootstrap --ca-url {known.url} --fingerprint {'0' * 64}", code=1)
    assert not (bar.home / "step/certs").exists()
    assert not (bar.home / "step/config").exists()
    said = stranger.read_messages(f"step ca bootstrap --ca-url {known.url} --fingerprint {sha}")
    root = stranger.home / "step/certs/root_ca.crt"
    assert f"The root certificate has been saved in {root}." in said
    defaults = stranger.type_line(
        "cat $(step path)/config/defaults.json | jq -r '.root, .fingerprint'"
    )
    assert defaults == f"{root}\n{sha}\n"
    stranger.type_line("step ca root again.crt")
    assert stranger.read("again.crt").strip() == known.root.read_text().strip()


def test_a_certificate_in_one_command(shell: Shell) -> None:
    url = shell.required_authority.url
    screen = shell.type_line(
        "step ca certificate svc.example.com svc.crt svc.key", (OPEN, shell.password)
    )
    assert "Provisioner: admin (JWK) [kid: " in screen
    for line in (f"CA: {url}", "Certificate: svc.crt", "Private Key: svc.key"):
        assert line in screen
    assert shell.read("svc.key").startswith("-----BEGIN EC PRIVATE KEY-----\n")
    short = shell.type_line("step certificate inspect svc.crt --short").splitlines()
    assert short[0].startswith("X.509v3 TLS Certificate (ECDSA P-256) [Serial: ")
    assert short[1] == "  Subject:     svc.example.com"
    assert short[3].startswith("  Provisioner: admin [ID: ")
    text = shell.type_line("step certificate inspect svc.crt")
    kid = shell.type_line("step ca provisioner list | jq -r '.[0].key.kid'").strip()
    for part in (
        "Server Authentication, Client Authentication",
        "X509v3 Step Provisioner:",
        "Type: JWK",
        "Name: admin",
        f"CredentialID: {kid}",
    ):
        assert part in text
    bundle = shell.type_line("step certificate inspect --bundle --short svc.crt")
    assert [line for line in bundle.splitlines() if line.startswith("X.509v3")][1].startswith(
        "X.509v3 Intermediate CA Certificate"
    )
    verify = "openssl verify -CAfile $(step path)/certs/root_ca.crt -untrusted svc.crt svc.crt"
    assert shell.type_line(verify) == "svc.crt: OK\n"


def test_a_request_that_exists(shell: Shell) -> None:
    said = shell.type_line(
        "step certificate create --csr foo.example.com foo.csr foo.key", (NEW, "the key's")
    )
    assert "Your certificate signing request has been saved in foo.csr." in said
    assert "Your private key has been saved in foo.key." in said
    key = shell.read("foo.key")
    screen = shell.type_line("step ca sign foo.csr foo.crt", (OPEN, shell.password))
    assert f"CA: {shell.required_authority.url}\n" in screen
    assert "Certificate: foo.crt\n" in screen
    assert "Private Key" not in screen
    assert shell.read("foo.key") == key
    certified = shell.type_line("openssl x509 -in foo.crt -noout -pubkey")
    assert certified == shell.type_line("openssl req -in foo.csr -noout -pubkey")
