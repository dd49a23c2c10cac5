"""SCEP by clients that others wrote, against both shapes, and against the original for comparison."""

import base64
import contextlib
import plistlib
import subprocess
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, run
from fixtures.scep_client import rsa_key, self_signed
from fixtures.scep_servers import CHALLENGE, SCEPAuthority, serve_split, serve_up
from fixtures.split import PROGRAMS
from fixtures.step_ca import step_ca
from newel.crypto import keys
from newel.runtime.clock import SystemClock

pytestmark = pytest.mark.needs("openssl")
DN = "C=CH, O=Example, CN=router.example"


@pytest.fixture(
    scope="module", params=["up", pytest.param("split", marks=pytest.mark.needs(*PROGRAMS))]
)
def scep(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[SCEPAuthority]:
    """An authority with SCEP provisioners, of each shape."""
    split = request.param == "split"
    with serve_split() if split else serve_up(tmp_path_factory.mktemp("scep")) as running:
        yield running


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def verify_chain(scep: SCEPAuthority, certificate: Path) -> None:
    root, issuer = scep.authority.root, scep.authority.issuer
    run(["openssl", "verify", "-CAfile", root, "-untrusted", issuer, certificate])


class Strongswan:
    """strongSwan's pki in a folder of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def fetch_authority(self) -> None:
        """GetCACert: the registration authority's certificate and the chain."""
        self._run(
            "--scepca",
            "--url",
            self.url,
            "--caout",
            "ca.pem",
            "--raout",
            "ra.pem",
            "--outform",
            "pem",
        )

    def key(self, name: str) -> str:
        """A new key."""
        (self.folder / name).write_bytes(keys.plain_private_key(rsa_key()))
        return name

    def enrol(self, key: str, out: str, *more: str, dn: str = DN) -> bool:
        """PKCSReq, or RenewalReq with --cert and --key; tells whether it got a certificate."""
        done = self._run(
            "--scep", "--url", self.url, "--in", key, "--dn", dn, "--san", "router.example",
            "--cacert-enc", "ra.pem", "--cacert-sig", "ra.pem", "--cacert", "ca.pem",
            "--cacert", "ca-1.pem", "--outform", "pem", *more, check=False,
        )  # fmt: skip # a command line
        (self.folder / out).write_bytes(done.stdout)
        return done.returncode == 0

    def _run(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        done = subprocess.run(
            ["pki", *words], cwd=self.folder, capture_output=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done


@pytest.mark.needs("pki")
def test_strongswan_enrols_and_renews(scep: SCEPAuthority, tmp_path: Path) -> None:
    client = Strongswan(scep.url("devices"), tmp_path)
    client.fetch_authority()
    first = client.key("first.pem")
    assert client.enrol(first, "first.crt", "--password", CHALLENGE)
    certificate = load(tmp_path / "first.crt")
    assert certificate.subject.rfc4514_string() == "CN=router.example,O=Example,C=CH"
    verify_chain(scep, tmp_path / "first.crt")
    assert scep.authority.ocsp(tmp_path / "first.crt") == "good"
    second = client.key("second.pem")
    assert client.enrol(second, "second.crt", "--cert", "first.crt", "--key", first)
    renewed = load(tmp_path / "second.crt")
    assert renewed.subject == certificate.subject
    assert renewed.public_key() != certificate.public_key()
    verify_chain(scep, tmp_path / "second.crt")


@pytest.mark.needs("pki")
def test_strongswan_with_a_wrong_challenge_gets_nothing(
    scep: SCEPAuthority, tmp_path: Path
) -> None:
    client = Strongswan(scep.url("devices"), tmp_path)
    client.fetch_authority()
    assert not client.enrol(client.key("key.pem"), "none.crt", "--password", "wrong")
    refused = [each for each in scep.authority.audit() if each["event"] == "scep.enrol"][-1]
    assert refused["outcome"] == "refused"
    assert CHALLENGE not in scep.authority.logs()


@pytest.mark.needs("pki")
def test_strongswan_with_another_name_renews_nothing(scep: SCEPAuthority, tmp_path: Path) -> None:
    client = Strongswan(scep.url("devices"), tmp_path)
    client.fetch_authority()
    first = client.key("first.pem")
    assert client.enrol(first, "first.crt", "--password", CHALLENGE)
    another = client.key("another.pem")
    more = "--cert", "first.crt", "--key", first
    assert not client.enrol(another, "another.crt", *more, dn="C=CH, O=Example, CN=core.example")


def run_scepclient(url: str, folder: Path, common_name: str, *more: str) -> x509.Certificate:
    """Enrol by micromdm's scepclient, which signs with SHA-1 and encrypts by DES."""
    folder.mkdir(exist_ok=True)
    run(
        ["scepclient", "-server-url", url, "-private-key", "key.pem", "-certificate", "leaf.crt",
         "-challenge", CHALLENGE, "-cn", common_name, "-key-encipherment-selector", *more],
        cwd=folder,
    )  # fmt: skip # a command line
    return load(folder / "leaf.crt")


@pytest.mark.needs("scepclient")
def test_micromdms_client_enrols(scep: SCEPAuthority, tmp_path: Path) -> None:
    certificate = run_scepclient(scep.url("old"), tmp_path / "old", "printer.example")
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "printer.example"
    verify_chain(scep, tmp_path / "old/leaf.crt")
    with pytest.raises(AssertionError, match="badAlg"):
        run_scepclient(scep.url("devices"), tmp_path / "devices", "printer.example")


@pytest.mark.needs("pki")
def test_a_profile_leads_a_device_to_its_certificate(scep: SCEPAuthority, tmp_path: Path) -> None:
    """Where the profile points to, and with what it says, another client enrols."""
    (tmp_path / "challenge.txt").write_text(CHALLENGE)
    profile = tmp_path / "phone.mobileconfig"
    run(
        [NEWEL, "ca", "profile", profile, "--ca-url", scep.authority.url, "--root", scep.authority.root,
         "--provisioner", "devices", "--challenge-file", tmp_path / "challenge.txt",
         "--common-name", "phone-17", "--scep-url", scep.url("devices")],
    )  # fmt: skip # a command line
    assert profile.stat().st_mode & 0o777 == 0o600
    root, device = plistlib.loads(profile.read_bytes())["PayloadContent"]
    assert root["PayloadContent"] == load(scep.authority.root).public_bytes(Encoding.DER)
    asked = device["PayloadContent"]
    client = Strongswan(asked["URL"], tmp_path)
    client.fetch_authority()
    dn = ", ".join(f"{kind}={value}" for ((kind, value),) in asked["Subject"])
    assert client.enrol(client.key("key.pem"), "leaf.crt", "--password", asked["Challenge"], dn=dn)
    assert load(tmp_path / "leaf.crt").subject.rfc4514_string() == "CN=phone-17"


@contextlib.contextmanager
def serve_original(folder: Path) -> Generator[tuple[str, Any]]:
    """step-ca with the same provisioner, which needs a decrypter there.

    Yields its SCEP URL, and what it lists of the provisioner.
    """
    key, port = rsa_key(), free_port()
    certificate = self_signed(key, "decrypter", SystemClock().now()).public_bytes(Encoding.PEM)
    own = {
        "type": "SCEP", "name": "old", "challenge": CHALLENGE,
        "decrypterCertificate": base64.b64encode(certificate).decode(),
        "decrypterKeyPEM": base64.b64encode(keys.plain_private_key(key)).decode(),
    }  # fmt: skip # a table

    def edit(ca: dict[str, Any]) -> None:
        ca["insecureAddress"] = f"127.0.0.1:{port}"
        ca["authority"]["provisioners"].append(own)

    with step_ca(folder / "original", edit=edit) as running:
        yield f"http://127.0.0.1:{port}/scep/old", list_provisioner(running)


def list_provisioner(authority: Authority) -> Any:
    """What an authority lists of the provisioner for old devices."""
    listed = authority.get("/provisioners?limit=100")["provisioners"]
    return next(each for each in listed if each["name"] == "old")


def ask(url: str, operation: str) -> tuple[str, bytes]:
    """The content type and body of an operation."""
    with urllib.request.urlopen(f"{url}?operation={operation}", timeout=60) as response:  # noqa: S310 - http
        return response.headers["content-type"].partition(";")[0], response.read()


@pytest.mark.needs("scepclient", "step", "step-ca")
def test_a_device_gets_from_the_original_what_it_gets_here(
    scep: SCEPAuthority, tmp_path: Path
) -> None:
    with serve_original(tmp_path) as (original, listed):
        theirs = run_scepclient(original, tmp_path / "theirs", "printer.example")
        kinds = {each: ask(original, each)[0] for each in ("GetCACaps", "GetCACert")}
        capabilities = set(ask(original, "GetCACaps")[1].decode().split("\r\n"))
    assert list_provisioner(scep.authority) == listed
    own = scep.url("old")
    ours = run_scepclient(own, tmp_path / "ours", "printer.example")
    assert {each: ask(own, each)[0] for each in kinds} == kinds
    # named in docs/divergences.md
    our_capabilities = set(ask(own, "GetCACaps")[1].decode().split("\r\n"))
    assert capabilities - our_capabilities == {"SHA-1", "DES3"}
    assert our_capabilities - capabilities == {"SHA-384", "SHA-512"}
    for extension in (x509.SubjectAlternativeName, x509.KeyUsage, x509.ExtendedKeyUsage):
        found = [each.extensions.get_extension_for_class(extension) for each in (theirs, ours)]
        assert found[0] == found[1]
    assert ours.subject == theirs.subject
