"""Authorities that ask for client certificates: the identity an SSH client gets along, beside the original's.

The real step-ca issues it, and so does our authority on the same files; a front of either says what only
hosted authorities say, and asks for certificates.
"""

import base64
import json
import os
import subprocess
import uuid
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.client_auth_proxy import ClientAuthProxy, serve_proxy
from fixtures.running import NEWEL, Authority, others, run
from fixtures.ssh_programs import agent
from fixtures.step_ca import serve_successor, step_ca
from newel.crypto.keys import PublicKey
from newel.jose.jwk import from_public_key

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-keygen", "ssh-agent", "openssl")

CLEAR = ("--no-password", "--insecure")


@pytest.fixture(scope="module", params=[step_ca, serve_successor], ids=["step-ca", "newel"])
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Authority]:
    """An authority that signs for users and hosts."""
    with request.param(tmp_path_factory.mktemp("ssh") / "state", "--ssh") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ClientAuthProxy]:
    """The front, with a certificate of the authority's own."""
    with serve_proxy(authority, tmp_path_factory.mktemp("front")) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Person:
    """A user of one of the two programs with a STEPPATH of their own and no terminal."""

    program: str
    authority: Authority
    proxy: ClientAuthProxy
    home: Path
    agent: str = ""

    def run(self, *words: str, direct: bool = False, code: int = 0) -> str:
        """What a command says; it talks to the front unless ``direct``."""
        url = self.authority.url if direct else self.proxy.url
        flags = ("--ca-url", url, "--root", str(self.authority.root))
        env = {
            **os.environ,
            "HOME": str(self.home),
            "STEPPATH": str(self.home / "step"),
            "SSH_AUTH_SOCK": self.agent,
        }
        program = NEWEL if self.program == "newel" else others("step")
        done = subprocess.run(
            [program, *words, *flags],
            cwd=self.home,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=60,
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def certificate(self, name: str, key: str, *flags: str) -> None:
        self.run("ssh", "certificate", name, key, *CLEAR, *self.provisioner, *flags)

    @property
    def provisioner(self) -> tuple[str, ...]:
        return ("--provisioner", "admin", "--provisioner-password-file",
                str(self.authority.password_file))  # fmt: skip # a command line

    @property
    def identity(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(
            (self.home / "step/identity/identity.crt").read_bytes()
        )

    def host_ids(self) -> list[str]:
        names = self.identity.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)


@pytest.fixture(params=["newel", "step"])
def person(
    request: pytest.FixtureRequest, authority: Authority, proxy: ClientAuthProxy, tmp_path: Path
) -> Generator[Person]:
    """What holds for ours holds for the original: each test is of both."""
    with agent(tmp_path) as socket:
        yield Person(request.param, authority, proxy, tmp_path, socket)


def test_an_identity_comes_with_the_certificate_and_is_shown_from_then_on(person: Person) -> None:
    """Its files, its names and its times are those of the original; openssl verifies it."""
    person.certificate("joe", "id", "--not-after", "1h")
    assert not person.proxy.asked[-1].peer
    folder = person.home / "step"
    names = ["identity/identity.crt", "identity/identity_key", "config/identity.json"]
    assert [(folder / name).stat().st_mode & 0o777 for name in names] == [0o600] * 3
    assert (folder / names[2]).read_text() == (
        f'{{\n   "type": "mTLS",\n   "crt": "{folder / names[0]}",\n   "key": "{folder / names[1]}"\n}}\n'
    )
    assert (folder / names[1]).read_text().startswith("-----BEGIN EC PRIVATE KEY-----")
    run(["openssl", "verify", "-purpose", "sslclient", "-CAfile", str(person.authority.root),
         "-untrusted", names[0], names[0]], cwd=folder)  # fmt: skip # a command line
    assert run(["openssl", "pkey", "-in", names[1], "-pubout"], cwd=folder).stdout == (
        run(["openssl", "x509", "-in", names[0], "-noout", "-pubkey"], cwd=folder).stdout
    )
    leaf = person.identity
    assert leaf.subject.rfc4514_string() == "CN=joe"
    assert 3600 <= (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() <= 3660
    person.run("ssh", "config", "--roots")
    assert person.proxy.asked[-1].peer == leaf.public_bytes(Encoding.DER)
    person.certificate("joe", "id", "--force")
    assert person.identity.public_key() == leaf.public_key()


def test_a_host_is_known_by_a_uuid(person: Person) -> None:
    """Given, kept from the identity before, or made out of the machine's id."""
    own = uuid.uuid4()
    person.certificate("h.example", "h", "--host", "--host-id", str(own))
    assert person.host_ids() == [own.urn]
    person.certificate("h.example", "h", "--host", "--force")
    assert person.host_ids() == [own.urn]
    other = replace(person, program="step", home=person.home / "other")
    other.home.mkdir()
    for each in (person, other):
        each.certificate("h.example", "h", "--host", "--force", "--host-id", "machine")
    assert person.host_ids() == other.host_ids() != [own.urn]
    said = person.run("ssh", "certificate", "h", "x", "--host", "--host-id", "none", *CLEAR,
                      *person.provisioner, code=1)  # fmt: skip # a command line
    assert "[ machine | <UUID> ]" in said
    assert not (person.home / "x").exists()


def test_a_login_brings_an_identity(person: Person) -> None:
    person.run("ssh", "login", "joe@example.com", *person.provisioner)
    names = person.identity.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["joe@example.com"]


def test_a_host_s_renewal_renews_its_identity(person: Person) -> None:
    """The authority itself has to see the client certificate."""
    person.certificate("h.example", "h", "--host", "--not-after", "2h")
    before = person.identity
    person.run("ssh", "renew", "h-cert.pub", "h", "--force", direct=True)
    between = person.identity
    person.run("ssh", "rekey", "h-cert.pub", "h", "--force", *CLEAR, direct=True)
    serials = {each.serial_number for each in (before, between, person.identity)}
    assert len(serials) == 3
    assert person.identity.public_key() == before.public_key()
    assert person.identity.subject == before.subject


def test_who_asks_about_a_host_proves_who_he_is(person: Person) -> None:
    """A token by the identity's key, with its chain, for this host and this method."""
    person.certificate("joe", "id")
    person.run("ssh", "check-host", "unknown.example", code=1)
    token = json.loads(person.proxy.about("/ssh/check-host")[-1].body)["token"]
    header, claims = (json.loads(decode_base64url(part)) for part in token.split(".")[:2])
    leaf = person.identity
    assert base64.b64decode(header["x5cInsecure"][0]) == leaf.public_bytes(Encoding.DER)
    assert header["kid"] == from_public_key(require_public_key(leaf.public_key())).kid
    assert (claims["iss"], claims["sub"]) == ("x5c-identity", "unknown.example")
    assert claims["aud"] in ("/ssh/check-host", ["/ssh/check-host"])
    assert "sha" not in claims


def test_an_identity_that_has_ended_stays_at_home(person: Person) -> None:
    """Otherwise a user whose identity has expired could not get another."""
    person.certificate("joe", "id")
    issuer = person.authority.state
    run([NEWEL, "certificate", "create", "joe", "old.crt", "old.key", "--not-before", "-2h", "--not-after", "-1h",
         "--ca", issuer / "certs/intermediate_ca.crt", "--ca-key", issuer / "secrets/intermediate_ca_key",
         "--ca-password-file", person.authority.password_file, *CLEAR], cwd=person.home)  # fmt: skip # a command
    for name, place in (("old.crt", "identity.crt"), ("old.key", "identity_key")):
        (person.home / name).replace(person.home / "step/identity" / place)
    person.certificate("joe", "id", "--force")
    assert not person.proxy.about("/ssh/sign")[-1].peer
    assert person.identity.not_valid_after_utc > person.identity.not_valid_before_utc
    person.run("ssh", "config", "--roots")
    assert person.proxy.asked[-1].peer == person.identity.public_bytes(Encoding.DER)


def decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def require_public_key(key: Any) -> PublicKey:
    assert isinstance(key, PublicKey)
    return key
