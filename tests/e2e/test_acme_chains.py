"""certbot chooses among the chains of an issuer by the name of a root."""

from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.acme_clients import World, verify_chain
from fixtures.challenge_targets import ChallengeTargets
from fixtures.processes import free_port
from fixtures.running import configure, run, serve_newel

pytestmark = pytest.mark.needs("certbot", "openssl")


def cross_sign(state: Path, folder: Path) -> Path:
    """Have another root certify the issuer's key, by openssl; return the file of that chain."""
    issuer = state / "certs/intermediate_ca.crt"
    root, key, crossed = folder / "other.crt", folder / "other.key", folder / "crossed.crt"
    run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", root, "-subj", "/CN=Other Root", "-days", "30",
        ]
    )  # fmt: skip # a command line
    (folder / "ca.cnf").write_text("basicConstraints=critical,CA:true,pathlen:0\n")
    public = folder / "issuer.pub"
    public.write_text(run(["openssl", "x509", "-in", issuer, "-noout", "-pubkey"]).stdout)
    name = x509.load_pem_x509_certificate(issuer.read_bytes()).subject
    subject = "".join(f"/{each.rfc4514_attribute_name}={each.value}" for each in name)
    run(
        [
            "openssl", "x509", "-new", "-force_pubkey", public, "-subj", subject, "-CA", root, "-CAkey",
            key, "-extfile", folder / "ca.cnf", "-days", "20", "-out", crossed,
        ]
    )  # fmt: skip # a command line
    chain = folder / "chain.pem"
    chain.write_bytes(crossed.read_bytes() + root.read_bytes())
    return chain


@pytest.fixture
def world(tmp_path: Path, challenge_targets: ChallengeTargets) -> Generator[World]:
    state, ports = tmp_path / "authority/state", (free_port(), free_port())
    state.parent.mkdir()
    with serve_newel(state, *ports):
        pass
    chain = cross_sign(state, tmp_path)
    configure(
        state,
        registration={"acme": {**challenge_targets.settings, "alternateChains": [str(chain)]}},
    )
    with serve_newel(state, *ports) as (authority, _):
        yield World(authority, challenge_targets)


def test_certbot_takes_the_chain_that_it_prefers(world: World, tmp_path: Path) -> None:
    how = [
        "certonly", "--standalone", "--agree-tos", "-m", "you@example.com",
        "--http-01-port", str(world.challenge_targets.http01_port),
    ]  # fmt: skip # a command line
    world.certbot(tmp_path, *how, "-d", "o.example", "--preferred-chain", "Other Root")
    chosen = tmp_path / "config/live/o.example/fullchain.pem"
    run(["openssl", "verify", "-CAfile", tmp_path / "other.crt", "-untrusted", chosen, chosen])
    _, issuer = x509.load_pem_x509_certificates(chosen.read_bytes())
    assert issuer.issuer.rfc4514_string() == "CN=Other Root"
    world.certbot(tmp_path, *how, "-d", "u.example")
    verify_chain(world, tmp_path / "config/live/u.example/fullchain.pem")
