"""ACME clients as people use them, unchanged: lego by every challenge, certbot, step."""

from pathlib import Path

import pytest

from fixtures.acme_clients import World, names, verify_chain
from fixtures.challenge_targets import ChallengeTargets
from fixtures.running import Authority

pytestmark = pytest.mark.needs("lego", "certbot", "openssl")


@pytest.fixture
def world(authority: Authority, challenge_targets: ChallengeTargets) -> World:
    return World(authority, challenge_targets)


def test_lego_by_http_01(world: World, tmp_path: Path) -> None:
    world.lego(
        tmp_path, "--domains", "a.example", "--domains", "B.a.example",
        "--http", "--http.port", world.http01, "run",
    )  # fmt: skip # a command line
    issued = tmp_path / "certificates/a.example.crt"
    assert names(issued) == {"a.example", "b.a.example"}
    verify_chain(world, issued)


def test_lego_by_dns_01_for_a_wildcard(world: World, tmp_path: Path) -> None:
    world.lego(
        tmp_path, "--domains", "*.w.example", "--domains", "w.example", "--dns", "exec",
        "--dns.disable-cp", "--dns.resolvers", f"127.0.0.1:{world.challenge_targets.dns_port}", "run",
    )  # fmt: skip # a command line
    issued = tmp_path / "certificates/_.w.example.crt"
    assert names(issued) == {"*.w.example", "w.example"}
    verify_chain(world, issued)


def test_lego_by_tls_alpn_01(world: World, tmp_path: Path) -> None:
    world.lego(
        tmp_path, "--domains", "t.example",
        "--tls", "--tls.port", f"127.0.0.1:{world.challenge_targets.tls_alpn01_port}", "run",
    )  # fmt: skip # a command line
    issued = tmp_path / "certificates/t.example.crt"
    assert names(issued) == {"t.example"}
    verify_chain(world, issued)


@pytest.mark.needs("step")
def test_step_for_a_name_and_an_address(world: World, tmp_path: Path) -> None:
    """step proves a name and an address (RFC 8738) in one order."""
    done = world.authority.step(
        "ca", "certificate", "s.example", str(tmp_path / "leaf.crt"), str(tmp_path / "leaf.key"),
        "--san", "s.example", "--san", "127.0.0.1", "--acme", world.authority.directory,
        "--root", str(world.authority.root), "--standalone", "--http-listen",
        world.http01,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "leaf.crt") == {"s.example", "127.0.0.1"}


def test_lego_renews_and_revokes(world: World, tmp_path: Path) -> None:
    """With ACME a renewal is a new order."""
    how = ["--http", "--http.port", world.http01]
    world.lego(tmp_path, "--domains", "r.example", *how, "run")
    first = (tmp_path / "certificates/r.example.crt").read_bytes()
    world.lego(
        tmp_path, "--domains", "r.example", *how, "renew", "--days", "3650", "--no-random-sleep"
    )
    assert (tmp_path / "certificates/r.example.crt").read_bytes() != first
    world.lego(tmp_path, "--domains", "r.example", "revoke")
    assert world.audit_line("acme.revoke", reason=0)["actor"].startswith("acme:acme/acme/account/")


def test_certbot_revokes_with_the_certificates_key(world: World, tmp_path: Path) -> None:
    world.certbot(
        tmp_path, "certonly", "--standalone", "--agree-tos", "-m", "you@example.com",
        "-d", "c.example", "--http-01-port", str(world.challenge_targets.http01_port), "--key-type", "rsa",
    )  # fmt: skip # a command line
    live = tmp_path / "config/live/c.example"
    verify_chain(world, live / "fullchain.pem")
    world.certbot(
        tmp_path, "revoke", "--cert-path", str(live / "cert.pem"), "--key-path",
        str(live / "privkey.pem"), "--reason", "keycompromise", "--no-delete-after-revoke",
    )  # fmt: skip # a command line
    assert world.audit_line("acme.revoke", reason=1)["actor"] == "acme:certificate key"


def test_certbot_updates_shows_and_deactivates_its_account(world: World, tmp_path: Path) -> None:
    world.certbot(tmp_path, "register", "--agree-tos", "-m", "you@example.com")
    world.certbot(tmp_path, "update_account", "-m", "other@example.com")
    world.certbot(tmp_path, "show_account")
    world.certbot(tmp_path, "unregister")
    assert world.audit_line("acme.deactivate-account")["outcome"] == "granted"


def test_a_challenge_nobody_answers_is_refused_and_says_why(world: World, tmp_path: Path) -> None:
    (tmp_path / "webroot").mkdir()
    with pytest.raises(AssertionError, match=r"Type: +connection"):
        world.certbot(
            tmp_path, "certonly", "--webroot", "-w", str(tmp_path / "webroot"), "--agree-tos",
            "-m", "you@example.com", "-d", "n.example",
        )  # fmt: skip # a command line
