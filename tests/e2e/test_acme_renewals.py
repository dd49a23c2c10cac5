"""ACME clients of a Debian system enrol and renew, unchanged: certbot, dehydrated, uacme."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.acme_clients import World, leaf, names, verify_chain, webroot
from fixtures.challenge_targets import ChallengeTargets
from fixtures.running import Authority, run, wait_until
from fixtures.split import Split

STAPLED = [x509.TLSFeatureType.status_request]


@pytest.fixture
def world(authority: Authority, challenge_targets: ChallengeTargets) -> World:
    return World(authority, challenge_targets)


def features(path: Path) -> list[x509.TLSFeatureType]:
    return list(leaf(path).extensions.get_extension_for_class(x509.TLSFeature).value)


def count_certificates(world: World, name: str) -> int:
    """How many certificates the issuing authority has granted for a name, by the audit trail."""
    lines = world.authority.audit()
    return sum(
        line["event"] == "acme.finalize"
        and line["outcome"] == "granted"
        and line["identifiers"] == [name]
        for line in lines
    )


@pytest.mark.needs("certbot", "openssl")
def test_certbot_renews_a_certificate_that_must_be_stapled(world: World, tmp_path: Path) -> None:
    world.certbot(
        tmp_path, "certonly", "--standalone", "--agree-tos", "--register-unsafely-without-email",
        "-d", "renew.certbot.example", "--must-staple",
        "--http-01-port", str(world.challenge_targets.http01_port),
    )  # fmt: skip # a command line
    live = tmp_path / "config/live/renew.certbot.example"
    first = leaf(live / "cert.pem")
    assert features(live / "cert.pem") == STAPLED
    world.certbot(tmp_path, "renew", "--no-random-sleep-on-renew")  # a day is less than 30 days
    second = leaf(live / "cert.pem")
    assert second.serial_number != first.serial_number
    assert features(live / "cert.pem") == STAPLED
    verify_chain(world, live / "fullchain.pem")
    assert world.authority.ocsp(live / "cert.pem") == "good"


@pytest.mark.needs("dehydrated", "curl", "openssl")
def test_dehydrated_enrols_renews_and_revokes(world: World, tmp_path: Path) -> None:
    name = "d.example"
    with webroot(world, tmp_path / "www") as challenges:
        config = tmp_path / "config"
        config.write_text(
            f'CA="{world.authority.directory}"\nBASEDIR="{tmp_path}"\nWELLKNOWN="{challenges}"\n'
            f'CURL_OPTS="--cacert {world.authority.root}"\nCONTACT_EMAIL="you@example.com"\n'
            "OCSP_MUST_STAPLE=yes\nAUTO_CLEANUP=no\n"
        )

        def run_dehydrated(*arguments: str) -> str:
            return run(["dehydrated", "--config", config, *arguments]).stdout

        run_dehydrated("--register", "--accept-terms")
        run_dehydrated("--cron", "--domain", name, "--domain", f"www.{name}")
        issued = tmp_path / f"certs/{name}/fullchain.pem"
        assert names(issued) == {name, f"www.{name}"}
        assert features(issued) == STAPLED
        verify_chain(world, issued)
        first = leaf(issued)
        # a certificate of a day is within the 32 days before its end
        run_dehydrated("--cron", "--domain", name, "--domain", f"www.{name}")
        assert leaf(issued).serial_number != first.serial_number
        assert leaf(issued).public_key() != first.public_key()
        run_dehydrated("--account")  # shows and updates the contact
        run_dehydrated("--revoke", str(tmp_path / f"certs/{name}/cert.pem"))
    assert world.audit_line("acme.revoke")["outcome"] == "granted"


@pytest.mark.needs("uacme", "private-mounts", "openssl")
def test_uacme_enrols_renews_rolls_its_key_over_and_revokes(world: World, tmp_path: Path) -> None:
    name = "u.example"
    with webroot(world, tmp_path / "www") as challenges:
        hook = tmp_path / "hook"
        hook.write_text(
            '#!/bin/sh\n[ "$2" = http-01 ] || exit 1\n'
            f'[ "$1" != begin ] || printf %s "$5" > "{challenges}/$4"\n'
        )
        hook.chmod(0o755)
        # its curl knows no other roots than the system's, so it is given a system with ours
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        trusting = f'mount --bind "{world.authority.root}" {bundle} && exec "$@"'

        def uacme(*arguments: str) -> None:
            run(
                [
                    "unshare", "--mount", "sh", "-c", trusting, "sh",
                    "uacme", "-v", "-a", world.authority.directory, "-c", tmp_path / "home", *arguments,
                ]
            )  # fmt: skip # a command line

        uacme("-y", "new", "you@example.com")
        uacme("-h", str(hook), "-m", "issue", name)
        issued = tmp_path / f"home/{name}/cert.pem"
        assert names(issued) == {name}
        assert features(issued) == STAPLED
        verify_chain(world, issued)
        first = leaf(issued)
        uacme("-y", "newkey")
        uacme("update", "other@example.com")
        uacme("-h", str(hook), "-m", "issue", name)  # asks our OCSP first, and renews
        assert leaf(issued).serial_number != first.serial_number
        revoked = tmp_path / "revoked.pem"
        revoked.write_bytes(issued.read_bytes())  # uacme moves its own away
        uacme("revoke", str(issued))
    assert world.audit_line("acme.key-change")["outcome"] == "granted"
    assert world.audit_line("acme.revoke")["outcome"] == "granted"
    assert count_certificates(world, name) == 2
    wait_until(lambda: world.authority.ocsp(revoked) == "revoked")


@pytest.mark.needs("lego", "openssl")
def test_an_order_outlasts_a_signer_that_is_held_for_a_while(
    split: Split, challenge_targets: ChallengeTargets, tmp_path: Path
) -> None:
    """The order stays processing, its client polls, and has its certificate once the signer goes on."""
    world, name = World(split, challenge_targets), "held.example"
    with split.without("signer"), (tmp_path / "lego.out").open("wb") as sink:
        client = subprocess.Popen(
            [
                "lego", "--server", split.directory, "--path", str(tmp_path), "--accept-tos",
                "--email", "you@example.com", "--domains", name, "--cert.timeout", "60",
                "--http", "--http.port", world.http01, "run",
            ],
            env=world.environment, stdout=sink, stderr=sink,
        )  # fmt: skip # a command line
        try:
            late = world.audit_line("acme.finalize", outcome="refused", status="processing")
            assert late["type"] == "unavailable"
        except BaseException:
            client.kill()
            raise
    assert client.wait(90) == 0, (tmp_path / "lego.out").read_text()
    issued = tmp_path / f"certificates/{name}.crt"
    assert names(issued) == {name}
    verify_chain(world, issued)
    assert count_certificates(world, name) == 1
