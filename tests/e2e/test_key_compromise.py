"""A key that is found to be stolen after its certificate was revoked: both shapes, real clients."""

import re
import subprocess
from pathlib import Path

import pytest

from fixtures.acme_clients import World
from fixtures.challenge_targets import ChallengeTargets
from fixtures.running import Authority, others, run, wait_until

COMPROMISED = "Revocation Reason: keyCompromise"


@pytest.fixture
def world(authority: Authority, challenge_targets: ChallengeTargets) -> World:
    return World(authority, challenge_targets)


def status(authority: Authority, certificate: Path) -> str:
    """The OCSP response in words, verified."""
    done = subprocess.run(
        [
            "openssl", "ocsp", "-issuer", str(authority.issuer), "-cert", str(certificate),
            "-url", f"{authority.http_url}/ocsp", "-CAfile", str(authority.root), "-resp_text",
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert "Response verify OK" in done.stdout + done.stderr
    return done.stdout


def revocation_time(said: str) -> str:
    found = re.search(r"Revocation Time: (.*)", said)
    assert found, said
    return found[1]


@pytest.mark.needs("certbot", "openssl")
def test_certbot_declares_a_key_compromised_after_it_superseded_the_certificate(
    world: World, tmp_path: Path
) -> None:
    name = "stolen.example"
    how = ["--standalone", "--http-01-port", str(world.challenge_targets.http01_port), "-d", name]
    world.certbot(
        tmp_path, "certonly", *how, "--agree-tos", "-m", "you@example.com", "--reuse-key"
    )  # fmt: skip # a command line
    live = tmp_path / f"config/live/{name}"
    certificate, key = tmp_path / "old.pem", live / "privkey.pem"
    certificate.write_bytes((live / "cert.pem").read_bytes())
    revoke = ["revoke", "--cert-path", str(certificate), "--no-delete-after-revoke", "--reason"]
    world.certbot(tmp_path, *revoke, "superseded")
    said = wait_until(
        lambda: "superseded" in (text := status(world.authority, certificate)) and text
    )
    first = revocation_time(said)
    world.certbot(tmp_path, *revoke, "keycompromise", "--key-path", str(key))
    said = wait_until(
        lambda: COMPROMISED in (text := status(world.authority, certificate)) and text
    )
    assert revocation_time(said) == first
    with pytest.raises(AssertionError, match=r"key|Key"):  # --reuse-key orders with the same one
        world.certbot(tmp_path, "renew", "--force-renewal", "--no-random-sleep-on-renew")
    assert world.audit_line("acme.finalize", outcome="refused")["type"] == "badPublicKey"


@pytest.mark.needs("step", "openssl")
def test_step_declares_a_key_compromised_after_another_reason(
    authority: Authority, tmp_path: Path
) -> None:
    home, password = tmp_path / "step", str(authority.password_file)
    words = ["--provisioner", "admin", "--password-file", password]

    def step(*arguments: str, good: bool = True) -> str:
        done = subprocess.run(
            [others("step"), *arguments],
            cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "STEPPATH": str(home)},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip # a command line
        assert (done.returncode == 0) is good, done.stdout + done.stderr
        return done.stdout + done.stderr

    root = run(["step", "certificate", "fingerprint", authority.root]).stdout.strip()
    step("ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", root)
    step("ca", "certificate", "k.example", "k.crt", "k.key", *words)
    serial = step("certificate", "inspect", "k.crt", "--format", "json", "--short=false")
    number = re.search(r'"serial_number": ?"(\d+)"', serial)
    assert number

    def revoke(reason: str, *, good: bool = True) -> str:
        token = re.search(r"eyJ\S+", step("ca", "token", number[1], "--revoke", *words))
        assert token
        arguments = ["ca", "revoke", number[1], "--token", token[0], "--reasonCode", reason]
        return step(*arguments, good=good)

    revoke("superseded")
    revoke("keyCompromise")
    wait_until(lambda: COMPROMISED in status(authority, tmp_path / "k.crt"))
    assert "already revoked" in revoke("superseded", good=False)
    step(
        "certificate",
        "create",
        "--csr",
        "--key",
        "k.key",
        "--no-password",
        "--insecure",
        "k.example",
        "k.csr",
    )
    refused = step("ca", "sign", "k.csr", "again.crt", *words, good=False)
    assert "again.crt" not in {path.name for path in tmp_path.iterdir()}, refused
