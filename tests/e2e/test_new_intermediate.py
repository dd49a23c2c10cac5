"""An authority whose intermediate does not say where its status is gets another, and loses nothing."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, run, serve_newel, wait_until

JAVA = Path(__file__).with_name("CheckChain.java")


class Elsewhere:
    """An authority that `ca init` made, with one password for all of its keys."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.password = folder / "password"
        self.password.write_text("correct horse")
        self.password.chmod(0o600)
        self.env = {**os.environ, "STEPPATH": str(self.state)}
        self.flags = ["--password-file", str(self.password)]
        self.ports = free_port(), free_port()
        self.newel(
            "ca", "init", "--name", "Elder", "--dns", "localhost", "--address", f":{self.ports[0]}",
            "--provisioner", "admin", "--deployment-type", "standalone", *self.flags,
        )  # fmt: skip # a command line

    def newel(self, *words: str) -> str:
        return run([NEWEL, *words], env=self.env, stdin=subprocess.DEVNULL).stdout

    def serve_newel(self) -> Any:
        return serve_newel(self.state, *self.ports, *self.flags)

    def certificate(self, name: str) -> Path:
        file = self.folder / f"{name}.crt"
        self.newel(
            "ca", "certificate", "localhost", str(file), str(file.with_suffix(".key")),
            "--provisioner", "admin", *self.flags,
        )  # fmt: skip # a command line
        return file

    def lists(self) -> bytes:
        """The lists of the whole chain, once there are any."""

        def fetch() -> bytes:
            url = f"http://localhost:{self.ports[1]}/crls.pem"
            with urllib.request.urlopen(url, timeout=60) as answer:
                body: bytes = answer.read()
            return body

        found: bytes = wait_until(fetch)
        return found

    def verdict(self, certificate: Path) -> str:
        """What openssl says of the whole chain, given every list."""
        (self.folder / "crls.pem").write_bytes(self.lists())
        done = subprocess.run(
            ["openssl", "verify", "-crl_check_all", "-CAfile", str(self.state / "certs/root_ca.crt"),
             "-untrusted", str(certificate), "-CRLfile", str(self.folder / "crls.pem"), str(certificate)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip # a command line
        return done.stdout + done.stderr

    def issuer_of(self, certificate: Path) -> x509.Certificate:
        return x509.load_pem_x509_certificates(certificate.read_bytes())[1]

    def java(self, certificate: Path) -> list[str]:
        (self.folder / "crls.pem").write_bytes(self.lists())
        files = [self.state / "certs/root_ca.crt", certificate, self.folder / "crls.pem"]
        return run(["java", JAVA, *files]).stdout.splitlines()


def points(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for point in found for name in point.full_name or ()]


def ocsp(authority: Authority, certificate: Path, issuer: Path) -> str:
    said = run(
        ["openssl", "ocsp", "-issuer", issuer, "-cert", certificate, "-url", f"{authority.http_url}/ocsp",
         "-CAfile", authority.root]
    )  # fmt: skip # a command line
    assert "Response verify OK" in said.stderr
    (word,) = re.findall(rf"(?m)^{certificate}: (\w+)", said.stdout)
    return word


@pytest.mark.needs("openssl", "java", "javac")
def test_a_new_intermediate_takes_over_and_the_old_one_answers_on(tmp_path: Path) -> None:
    elder = Elsewhere(tmp_path)
    old = elder.state / "certs/intermediate_ca.crt"
    with elder.serve_newel() as (authority, _):
        kept, revoked = elder.certificate("kept"), elder.certificate("revoked")
        # the log says what is missing, and the authority serves
        assert "there is no CRL of CN=Elder Root CA" in authority.logs()
        assert "newel ceremony crl" in authority.logs()
        assert "the certificate names no CRL" in authority.logs()
        assert "unable to get certificate CRL" in elder.verdict(kept)
        elder.newel("ceremony", "crl", "--state", str(elder.state), *elder.flags)
        # taken up while it runs; openssl needs no pointer
        wait_until(lambda: elder.lists().count(b"BEGIN X509 CRL") == 2, seconds=60)
        assert "OK" in elder.verdict(kept)
        key = str(revoked.with_suffix(".key"))
        elder.newel("ca", "revoke", "--cert", str(revoked), "--key", key)
        busy = subprocess.run(
            [NEWEL, "up", "--state", elder.state, "--new-intermediate", *elder.flags],
            capture_output=True, text=True, check=False,
        )  # fmt: skip # a command line
        assert busy.returncode == 1
        assert "in use" in busy.stderr
    pointless = subprocess.run(
        [NEWEL, "up", "--state", elder.state, "--new-intermediate", *elder.flags],
        capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert pointless.returncode == 1
    assert "--http-address" in pointless.stderr
    before = json.loads((elder.state / "config/ca.json").read_text())
    said = elder.newel("up", "--state", str(elder.state), "--new-intermediate",
                       "--http-address", f"127.0.0.1:{elder.ports[1]}", *elder.flags)  # fmt: skip # a command line
    assert "intermediate_ca_2.crt" in said
    after = json.loads((elder.state / "config/ca.json").read_text())
    assert after["newel"]["formerIssuers"] == [{"crt": before["crt"], "key": before["key"]}]
    assert {name for name in before if before[name] != after.get(name)} <= {"crt", "key", "newel"}
    with elder.serve_newel() as (authority, _):
        fresh = elder.certificate("fresh")
        issuer = elder.issuer_of(fresh)
        assert issuer.subject != elder.issuer_of(kept).subject
        assert points(issuer) != points(elder.issuer_of(kept)) == []
        assert elder.java(fresh) == [
            f"{way}: good"
            for way in ("lists given", "a revocation checker", "distribution points", "OCSP")
        ]
        assert ocsp(authority, kept, old) == "good"
        assert ocsp(authority, revoked, old) == "revoked"
        wait_until(lambda: elder.lists().count(b"BEGIN X509 CRL") == 3)
        wait_until(lambda: "certificate revoked" in elder.verdict(revoked))
        assert "OK" in elder.verdict(kept)
        assert "OK" in elder.verdict(fresh)
        key = str(kept.with_suffix(".key"))
        elder.newel("ca", "renew", "--force", str(kept), key)
        assert elder.issuer_of(kept) == issuer
        assert authority.logs().count("the certificate names no CRL") == 1  # of the first start
