"""The responder without a database answers for an authority that is OpenSSL's, from its list alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import run, wait_until

CONFIGURATION = """
[ca]
default_ca = own
[own]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 1
policy = any
new_certs_dir = .
serial = serial
default_days = 2
[any]
commonName = supplied
[issuer]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[responder]
extendedKeyUsage = OCSPSigning
noCheck = ignored
keyUsage = critical, digitalSignature
authorityKeyIdentifier = keyid
[leaf]
extendedKeyUsage = serverAuth
[req]
distinguished_name = name
[name]
"""
RESPONDER = """
[[issuers]]
certificate_file = "{folder}/ca.crt"
crl_file = "{folder}/ca.crl"
responder_certificate_file = "{folder}/ocsp.crt"
responder_key_file = "{folder}/ocsp.key"
unlisted = "good"

[runtime]
health = "127.0.0.1:{health}"

[runtime.listen.http]
address = "127.0.0.1:{http}"
"""


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path) -> None:
    """A root with a responder and two certificates, as its operator makes them by hand."""
    (folder / "ca.cnf").write_text(CONFIGURATION)
    (folder / "index.txt").touch()
    for name in ("serial", "crlnumber"):
        (folder / name).write_text("1000\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "ca.cnf")
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Own",
            "-days", "3", "-extensions", "issuer")  # fmt: skip # a command line
    for name, section in (("ocsp", "responder"), ("one", "leaf"), ("two", "leaf")):
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")  # fmt: skip # a command line
        openssl(folder, "ca", "-batch", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key",
                "-in", f"{name}.csr", "-out", f"{name}.crt", "-extensions", section)  # fmt: skip # likewise


def publish(folder: Path, *revoked: str) -> None:
    signing = ("ca", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key")
    for name in revoked:
        openssl(folder, *signing, "-revoke", f"{name}.crt", "-crl_reason", "keyCompromise")
    openssl(folder, *signing, "-gencrl", "-out", "new.pem")
    openssl(folder, "crl", "-in", "new.pem", "-outform", "DER", "-out", "new.crl")
    (folder / "new.crl").replace(folder / "ca.crl")


@pytest.mark.needs("openssl", "curl")
def test_openssl_asks_about_the_certificates_of_an_openssl_authority(tmp_path: Path) -> None:
    make_authority(tmp_path)
    publish(tmp_path)
    http, health = free_port(), free_port()
    file = tmp_path / "responder.toml"
    file.write_text(RESPONDER.format(folder=tmp_path, http=http, health=health))

    def status(name: str) -> str:
        command = ["openssl", "ocsp", "-issuer", "ca.crt", "-cert", f"{name}.crt", "-CAfile", "ca.crt",
                   "-url", f"http://127.0.0.1:{http}/ocsp"]  # fmt: skip # a command line
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        return said if "Response verify OK" in said else ""

    command = [sys.executable, "-m", "newel.validation.stateless", "--config", str(file)]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            wait_until(lambda: "one.crt: good" in status("one"))
            publish(tmp_path, "one")
            wait_until(lambda: "one.crt: revoked" in status("one"))
            assert "Reason: keyCompromise" in status("one")
            assert "two.crt: good" in status("two")
            ready = run(["curl", "-sf", f"http://127.0.0.1:{health}/readyz"])
            assert ready.returncode == 0
        finally:
            process.terminate()
    assert process.returncode == 0, (tmp_path / "log").read_text()
