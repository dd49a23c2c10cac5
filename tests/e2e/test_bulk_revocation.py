"""The drill: one key of two hundred certificates leaked, and a provisioner let strangers in."""

import hashlib
import json
import os
import subprocess
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, serve_newel, wait_until
from fixtures.terminal import at_a_terminal
from newel.client import calls
from newel.client import csr as requests
from newel.client.authority import Authority as Client
from newel.client.clock import now
from newel.client.errors import RefusedError
from newel.client.trust import client_tls
from newel.crypto import keys
from newel.jose import jwe, jwk
from newel.step import tokens

COUNT, ON_KEY = 200, 10


@dataclass(frozen=True, slots=True)
class Fleet:
    """An authority, what it needs to issue, and the certificates on the leaked key by their names."""

    authority: Authority
    home: Path
    leaked: keys.PrivateKey
    signer: keys.PrivateKey
    kid: str

    def issue(self, names: Iterable[str], key: keys.PrivateKey | None = None) -> list[bytes]:
        """Certificates, in PEM, each on a key of its own unless one is given."""
        url = self.authority.url
        found: list[bytes] = []
        with Client(url, client_tls(self.authority.root.read_text())) as client:
            for name in names:
                request = requests.pem(requests.make(key or keys.generate(), name, [name]))
                token = tokens.make(
                    self.signer, kid=self.kid, issuer="admin", subject=name,
                    audience=f"{url}/1.0/sign", now=now(), sans=[name],
                )  # fmt: skip # a table
                found.append(client.send(calls.sign(request, token)).pem)
        return found

    def newel(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """The command line on the authority's machine, whose first administrator it finds by itself."""
        done = subprocess.run(
            [NEWEL, *words], cwd=self.home, env={**os.environ, "STEPPATH": str(self.authority.state)},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            start_new_session=True, timeout=120,
        )  # fmt: skip # a command line
        assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def entries(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.newel("certificates", "list", "--limit", "0", *words, "--output", "json").stdout
        )
        return found

    def count_revoked(self) -> int:
        """How many certificates are revoked, by the audit trail."""
        return len({
            each["serial"] for each in self.authority.audit()
            if (each["service"], each["event"], each["outcome"]) == ("issuing", "revoke", "granted")
        })  # fmt: skip # a condition


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fleet]:
    home = tmp_path_factory.mktemp("fleet")
    with serve_newel(home / "state", free_port(), free_port()) as (authority, _):
        with Client(authority.url, client_tls(authority.root.read_text())) as client:
            rows = client.send(calls.provisioners()).provisioners
        (row,) = [each for each in rows if each["name"] == "admin"]
        opened = jwe.decrypt_with_password(
            row["encryptedKey"], authority.password_file.read_bytes().strip()
        )
        signer = jwk.to_private_key(msgspec.json.decode(opened, type=jwk.JWK))
        leaked = keys.generate()
        fleet = Fleet(authority, home, leaked, signer, row["key"]["kid"])
        fleet.issue(f"host-{number}.internal" for number in range(COUNT - ON_KEY))
        chains = fleet.issue((f"shared-{number}.internal" for number in range(ON_KEY)), leaked)
        for number, chain in enumerate(chains):
            (home / f"shared-{number}.crt").write_bytes(chain)
        (other,) = fleet.issue(["other.internal"])
        (home / "other.crt").write_bytes(other)
        public = leaked.public_key()
        (home / "leaked.pub").write_bytes(
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        private = leaked.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (home / "leaked.key").write_bytes(private)
        wait_until(lambda: len(fleet.entries("--search", ".internal")) == COUNT + 1)
        yield fleet


@pytest.mark.needs("openssl")
@pytest.mark.attack("X13")
def test_a_leaked_key_is_found_everywhere_and_everything_on_it_is_revoked(fleet: Fleet) -> None:
    names = {f"shared-{number}.internal" for number in range(ON_KEY)}
    before = fleet.entries("--key", "leaked.pub")
    assert {each["subject"] for each in before} == names
    fingerprint = before[0]["key"]
    by_fingerprint = fleet.entries("--key", f"SHA256:{fingerprint.upper()}", "--state", "active")
    assert len(by_fingerprint) == ON_KEY

    words = ("revoke", "--key", "shared-3.crt", "--reasonCode", "keyCompromise")
    shown = fleet.newel(*words, "--dry-run").stderr
    assert f"Selected: {ON_KEY} certificates of {ON_KEY} endpoints" in shown
    preview = json.loads(fleet.newel(*words, "--dry-run", "--output", "json").stdout)
    assert preview["count"] == ON_KEY
    assert "error allocating terminal" in fleet.newel(*words, status=1).stderr
    assert len(fleet.entries("--key", "leaked.pub", "--state", "active")) == ON_KEY

    # declared by who has the key, for one certificate: the authority revokes the others
    proof = ("--cert", "shared-0.crt", "--key", "leaked.key", "--reasonCode", "keyCompromise")
    fleet.newel("revoke", *proof)
    authority = fleet.authority
    last = fleet.home / f"shared-{ON_KEY - 1}.crt"
    wait_until(lambda: authority.ocsp(last) == "revoked")
    wait_until(lambda: len(fleet.entries("--key", "leaked.pub", "--state", "revoked")) == ON_KEY)
    for number in range(ON_KEY):
        assert authority.ocsp(fleet.home / f"shared-{number}.crt") == "revoked"
    assert authority.ocsp(fleet.home / "other.crt") == "good"
    lines = [each for each in authority.audit() if each.get("event") == "revoke"]
    declared = [each for each in lines if "compromised key" in str(each.get("actor"))]
    assert len(declared) == ON_KEY - 1
    with pytest.raises(RefusedError):
        fleet.issue(["again.internal"], fleet.leaked)
    nothing = fleet.newel(*words, "--force")
    assert "Key: blocked before" in nothing.stderr
    other = fleet.newel(*words[:-1], "superseded", "--force", status=1)
    assert other.stderr == "no certificate that could be revoked is selected\n"


@pytest.mark.attack("X13")
def test_a_key_that_has_no_certificate_is_blocked_and_certified_no_more(fleet: Fleet) -> None:
    never = keys.generate()
    public = never.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (fleet.home / "never.pub").write_bytes(public)
    words = ("revoke", "--key", "never.pub", "--reasonCode", "keyCompromise")
    preview = json.loads(fleet.newel(*words, "--dry-run", "--output", "json").stdout)
    assert preview == {"count": 0, "certificates": [], "blocks_key": True}
    assert "error allocating terminal" in fleet.newel(*words, status=1).stderr
    digest = hashlib.sha256(keys.spki(never.public_key())).hexdigest()
    assert not [each for each in fleet.authority.audit() if each.get("key_digest") == digest]
    done = fleet.newel(*words, "--reason", "found in a repository", "--force", "--output", "json")
    assert "No certificate that could be revoked is on it." in done.stderr
    assert "Key: blocked\n" in done.stderr
    assert json.loads(done.stdout) == {"revoked": [], "already_revoked": [], "failed": []}
    with pytest.raises(RefusedError, match="make another key"):
        fleet.issue(["never.internal"], never)
    lines = [each for each in fleet.authority.audit() if each.get("key_digest") == digest]
    assert {each["event"] for each in lines} == {"block-key"}
    assert all(each["actor"].startswith("administrator:") for each in lines)


def test_what_a_provisioner_let_in_is_revoked_at_a_terminal_and_a_run_that_ends_goes_on(
    fleet: Fleet,
) -> None:
    assert len(fleet.entries("--state", "active", "--provisioner", "admin")) > COUNT - ON_KEY
    select = ("revoke", "--provisioner", "admin", "--issued-between", "-1h", "1h")
    bad = fleet.newel(*select[:-1], status=1)
    assert "not enough positional arguments" in bad.stderr
    vouched = fleet.newel(*select, "--password-file", "x", status=1)
    assert "an administrator's certificate revokes a selection" in vouched.stderr
    nowhen = fleet.newel(
        "revoke", "--provisioner", "admin", "--issued-between", "-3h", "-2h", status=1
    )
    assert nowhen.stderr == "no certificate that could be revoked is selected\n"

    environment = {**os.environ, "STEPPATH": str(fleet.authority.state), "TERM": "xterm"}
    ended = subprocess.Popen(
        [NEWEL, *select, "--yes"], cwd=fleet.home, env=environment, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(fleet.entries("--state", "revoked")) > ON_KEY)
    ended.kill()
    ended.wait()

    # the catalogue follows what was revoked: nothing is asked about what it does not list any more
    wait_until(lambda: len(fleet.entries("--state", "revoked")) == fleet.count_revoked())
    left = fleet.entries("--state", "active", "--provisioner", "admin")
    answers = [("[y/n]", "y")] if len(left) > 1 else []
    code, screen = at_a_terminal([NEWEL, *select], answers, cwd=fleet.home, env=environment)
    if answers:
        assert code == 0, screen
        assert "Revoked: [" in screen
    assert "own certificate" in screen
    wait_until(lambda: len(fleet.entries("--state", "active", "--provisioner", "admin")) == 1)
    (own,) = fleet.entries("--state", "active", "--provisioner", "admin")
    assert "admin" in own["subject"], "who revokes is left out"
    facts = [each for each in fleet.authority.audit() if each.get("event") == "revoke"]
    assert any(str(each.get("actor")).startswith("administrator:") for each in facts)
