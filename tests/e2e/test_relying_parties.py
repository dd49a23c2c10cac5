"""Programs that check every certificate of a chain take ours, and refuse what is revoked.

OpenSSL, GnuTLS and NSS by the commands of docs/relying-parties.md, as typed; nginx for client certificates; Java's
PKIX validation with each way it has to hear of revocation.
"""

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.running import NEWEL, Authority, run, wait_until
from fixtures.tls_services import nginx

PAGE = Path(__file__).parents[2] / "docs/relying-parties.md"
JAVA = Path(__file__).with_name("CheckChain.java")


@dataclass(frozen=True, slots=True)
class Chains:
    """Two folders with the files of the page: in one srv.crt is good, in the other it is revoked."""

    authority: Authority
    good: Path
    revoked: Path


@pytest.fixture(scope="module")
def chains(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Chains:
    """A good certificate and a revoked one, once both are known to OCSP and CRL."""
    made = Chains(authority, tmp_path_factory.mktemp("good"), tmp_path_factory.mktemp("revoked"))
    env = {**os.environ, "STEPPATH": str(authority.state)}
    password = authority.password_file
    for folder in (made.good, made.revoked):
        shutil.copy(authority.root, folder / "root_ca.crt")
        shutil.copy(authority.issuer, folder / "intermediate_ca.crt")
        run(
            [NEWEL, "ca", "certificate", "localhost", folder / "srv.crt", folder / "srv.key",
             "--provisioner", "admin", "--password-file", password],
            env=env,
        )  # fmt: skip # a command line
    certificate, key = made.revoked / "srv.crt", made.revoked / "srv.key"
    run([NEWEL, "ca", "revoke", "--cert", certificate, "--key", key], env=env)
    wait_until(lambda: authority.ocsp(made.good / "srv.crt") == "good")
    wait_until(lambda: authority.ocsp(certificate) == "revoked")
    serial = load(certificate).serial_number
    wait_until(lambda: serial in read_serials(lists(authority)))
    return made


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def lists(authority: Authority) -> bytes:
    return fetch(f"{authority.http_url}/crls.pem")[1]


def fetch(url: str) -> tuple[str, bytes]:
    """The media type and the body."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http on the loopback
        return answer.headers["content-type"], answer.read()


def read_serials(text: bytes) -> set[int]:
    """The serial numbers in every list of a PEM file."""
    blocks = re.findall(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n", text, re.DOTALL)
    assert len(blocks) == 2  # the intermediate's and the root's
    return {entry.serial_number for block in blocks for entry in x509.load_pem_x509_crl(block)}


def commands(title: str, authority: Authority) -> str:
    """What a section of the page has to be typed, at this authority's address."""
    (section,) = re.findall(rf"(?ms)^## {title}\n(.+?)(?=^## |\Z)", PAGE.read_text())
    blocks = re.findall(r"(?ms)^```sh\n(.+?)^```", section)
    return "".join(blocks).replace("http://ca.example:9080", authority.http_url)


def run_script(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("title", "verdicts"),
    [
        pytest.param("OpenSSL", 1, marks=pytest.mark.needs("openssl", "curl")),
        pytest.param(
            "GnuTLS", 2, marks=pytest.mark.needs("certtool", "ocsptool", "openssl", "curl")
        ),
        pytest.param(
            "NSS", 2, marks=pytest.mark.needs("certutil", "crlutil", "vfychain", "openssl", "curl")
        ),
    ],
)
def test_what_the_page_says_is_good_is_good_and_what_is_revoked_is_not(
    chains: Chains, title: str, verdicts: int
) -> None:
    script = commands(title, chains.authority)
    for folder in (chains.good, chains.revoked):
        (folder / "crls.pem").write_bytes(lists(chains.authority))
    good = run_script(f"set -e\n{script}", chains.good)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "revoked" not in good.stdout + good.stderr
    refused = run_script(script, chains.revoked)
    said = refused.stdout + refused.stderr
    # every program of the section says so, by itself
    assert len(re.findall(r"revoked\b", said)) >= verdicts, said


@pytest.fixture
def front(chains: Chains, tmp_path: Path) -> Generator[str]:
    """nginx with the page's settings for client certificates."""
    (found,) = re.findall(r"(?ms)^```nginx\n(.+?)^```", PAGE.read_text())
    shutil.copy(chains.good / "root_ca.crt", tmp_path)
    (tmp_path / "crls.pem").write_bytes(lists(chains.authority))
    settings = re.sub(r"(\S+\.(?:crt|pem));", rf"{tmp_path}/\1;", found)
    body = settings + 'location / { return 200 "in\\n"; }'
    with nginx(tmp_path, chains.good / "srv.crt", chains.good / "srv.key", body) as (url, _):
        yield url


@pytest.mark.needs("nginx", "curl", "openssl")
def test_nginx_lets_in_whose_whole_chain_is_good(chains: Chains, front: str) -> None:
    def status(folder: Path) -> str:
        pair = ["--cert", folder / "srv.crt", "--key", folder / "srv.key"]
        format_ = ["-s", "-o", "/dev/null", "-w", "%{http_code}"]
        return run(["curl", *format_, "--cacert", chains.authority.root, *pair, front]).stdout

    assert wait_until(lambda: status(chains.good)) == "200"
    assert status(chains.revoked) == "400"


@pytest.mark.needs("java", "javac", "openssl")
def test_java_finds_the_status_of_the_whole_chain(chains: Chains) -> None:
    """PKIX validation as it is by default, by lists, by pointers and by OCSP."""
    ways = ["lists given", "a revocation checker", "distribution points", "OCSP"]
    for folder, verdict in ((chains.good, "good"), (chains.revoked, "REVOKED at 0")):
        (folder / "crls.pem").write_bytes(lists(chains.authority))
        files = [folder / name for name in ("root_ca.crt", "srv.crt", "crls.pem")]
        said = run(["java", JAVA, *files]).stdout
        assert said.splitlines() == [f"{way}: {verdict}" for way in ways]


@pytest.mark.needs("openssl")
def test_every_certificate_of_the_chain_but_the_root_says_where_its_list_is(chains: Chains) -> None:
    text = (chains.good / "srv.crt").read_bytes()
    issuers = {
        load(chains.good / name).subject: load(chains.good / name)
        for name in ("root_ca.crt", "intermediate_ca.crt")
    }
    for certificate in x509.load_pem_x509_certificates(text):
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        names = points[0].full_name
        assert names is not None
        media_type, body = fetch(names[0].value)
        assert media_type == "application/pkix-crl"
        crl = x509.load_der_x509_crl(body)
        issuer = issuers[certificate.issuer]
        assert crl.issuer == issuer.subject
        assert crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
