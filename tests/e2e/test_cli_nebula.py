"""Hosts of a Nebula network get certificates by what Nebula gave them: ours beside the original, from step-ca."""

import base64
import json
import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.meshes import mesh
from fixtures.running import NEWEL, Authority, others
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "nebula-cert", "ssh-keygen")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Nebula authority and its host."""
    folder = tmp_path_factory.mktemp("network")
    mesh(folder)
    return folder


@pytest.fixture(scope="module")
def authority(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    """A step-ca that trusts the network's authority."""

    def trust(ca: dict[str, Any]) -> None:
        roots = base64.b64encode((network / "ca.crt").read_bytes()).decode()
        claims = {"enableSSHCA": True}
        row = {"type": "Nebula", "name": "mesh", "roots": roots, "claims": claims}
        ca["authority"]["provisioners"].append(row)

    with step_ca(tmp_path_factory.mktemp("ca") / "state", "--ssh", edit=trust) as running:
        yield running


def run_program(authority: Authority, home: Path, program: str, *words: str, code: int = 0) -> str:
    """What one of the programs says on stdout, or on stderr where it fails."""
    done = subprocess.run(
        [program, *words, "--ca-url", authority.url, "--root", str(authority.root)],
        cwd=home, env={**os.environ, "STEPPATH": str(home / "step"), "SSH_AUTH_SOCK": ""},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        start_new_session=True, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
    return done.stderr if code else done.stdout


def by_host(network: Path) -> list[str]:
    return ["--provisioner", "mesh", "--nebula-cert", str(network / "host.crt"),
            "--nebula-key", str(network / "host.key")]  # fmt: skip # a command line


def test_a_host_gets_x509_and_ssh_certificates(
    authority: Authority, network: Path, tmp_path: Path
) -> None:
    names = ["--san", "host", "--san", "10.1.0.1"]
    run_program(
        authority,
        tmp_path,
        NEWEL,
        "ca",
        "certificate",
        "host",
        "h.crt",
        "h.key",
        *names,
        *by_host(network),
    )
    leaf = x509.load_pem_x509_certificate((tmp_path / "h.crt").read_bytes())
    assert leaf.subject.rfc4514_string() == "CN=host"
    clear = ["--no-password", "--insecure"]
    run_program(
        authority,
        tmp_path,
        NEWEL,
        "ssh",
        "certificate",
        "host",
        "ssh",
        "--host",
        *clear,
        *by_host(network),
    )
    done = subprocess.run(
        ["ssh-keygen", "-L", "-f", "ssh-cert.pub"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "host certificate" in done.stdout


def test_tokens_are_those_of_the_original(
    authority: Authority, network: Path, tmp_path: Path
) -> None:
    theirs, own = (
        parts_of(
            run_program(authority, tmp_path, program, "ca", "token", "host", *by_host(network))
        )
        for program in (others("step"), NEWEL)
    )
    assert theirs == own


def parts_of(token: str) -> list[dict[str, Any]]:
    """Header and claims, without times and number."""
    parts = [json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in token.split(".")[:2]]
    return [
        {k: v for k, v in part.items() if k not in {"iat", "nbf", "exp", "jti"}} for part in parts
    ]


def test_what_is_not_the_host_s_is_refused(
    authority: Authority, network: Path, tmp_path: Path
) -> None:
    """Another's key and what is no certificate here, another's name by the authority."""
    (tmp_path / "other").mkdir()
    mesh(tmp_path / "other")
    key, crt = "--nebula-key", "--nebula-cert"
    cases = [
        (
            [crt, str(network / "host.crt"), key, "other/host.key"],
            "is not the key of the certificate",
        ),
        ([crt, "other/host.key", key, "other/host.key"], "not a proper nebula certificate"),
        (
            [crt, "other/host.crt", key, "other/host.key"],
            "failed to verify certificate against configured CA",
        ),
    ]
    for flags, expected in cases:
        said = run_program(authority, tmp_path, NEWEL, "ca", "certificate", "host", "x.crt", "x.key",
                     "--provisioner", "mesh", *flags, code=1)  # fmt: skip # a command line
        assert expected in said
        assert not (tmp_path / "x.crt").exists()
