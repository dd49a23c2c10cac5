"""Caddy gets and renews short-lived certificates by itself, as it is installed."""

import json
import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.challenge_targets import ChallengeTargets
from fixtures.processes import free_port
from fixtures.running import Authority, configure, serve_newel, wait_until

NAME = "caddy.example"
LIFETIME = (
    45  # seconds; Caddy renews when a third of a life is left, the backdated minute counted in
)


def add_short_lived(state: Path) -> None:
    """A provisioner whose certificates live for less than a minute, whatever a client asks."""
    file = state / "config/ca.json"
    settings = json.loads(file.read_text())
    claims = {
        "minTLSCertDuration": "10s",
        "maxTLSCertDuration": "1m",
        "defaultTLSCertDuration": f"{LIFETIME}s",
    }
    settings["authority"]["provisioners"].append(
        {"type": "ACME", "name": "short", "claims": claims}
    )
    file.write_text(json.dumps(settings))


@pytest.fixture
def short_lived(tmp_path: Path, challenge_targets: ChallengeTargets) -> Generator[Authority]:
    state, ports = tmp_path / "state", (free_port(), free_port())
    with serve_newel(state, *ports):
        pass
    add_short_lived(state)
    configure(state, registration={"acme": challenge_targets.settings})
    with serve_newel(state, *ports) as (running, _):
        yield running


@pytest.fixture
def caddy(
    short_lived: Authority, challenge_targets: ChallengeTargets, tmp_path: Path
) -> Generator[Path]:
    """A running Caddy; its log."""
    (tmp_path / "Caddyfile").write_text(f"""
{{
    admin off
    storage file_system {tmp_path}/caddy
    http_port {challenge_targets.http01_port}
    https_port {challenge_targets.tls_alpn01_port}
    acme_ca {short_lived.url}/acme/short/directory
    acme_ca_root {short_lived.root}
    renew_interval 1s
    log {{
        output file {tmp_path}/caddy.log
    }}
}}
{NAME} {{
    respond "hello"
}}
""")
    with (tmp_path / "caddy.out").open("wb") as sink:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"],
            stdout=sink,
            stderr=sink,
            env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
        )
    try:
        yield tmp_path / "caddy.out"
    finally:
        process.terminate()
        process.wait(20)


def read_served_certificate(port: int, root: Path) -> x509.Certificate:
    """The certificate Caddy shows to a client that trusts the root alone."""
    done = subprocess.run(
        [
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME,
            "-verify_hostname", NAME, "-CAfile", str(root), "-verify_return_error",
        ],
        input="", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert "Verify return code: 0 (ok)" in done.stdout, done.stdout + done.stderr
    pem = re.search(
        r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.DOTALL
    )
    assert pem
    return x509.load_pem_x509_certificate(pem[0].encode())


@pytest.mark.needs("caddy", "openssl")
def test_caddy_keeps_a_short_lived_certificate_alive(
    short_lived: Authority, challenge_targets: ChallengeTargets, caddy: Path
) -> None:
    port = challenge_targets.tls_alpn01_port
    first = wait_until(
        lambda: read_served_certificate(port, short_lived.root), seconds=60, log=caddy
    )
    lived = first.not_valid_after_utc - first.not_valid_before_utc
    assert lived.total_seconds() == 60 + LIFETIME - 1  # backdated by a minute; both ends count
    names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]

    def find_renewal() -> x509.Certificate | None:
        certificate = read_served_certificate(port, short_lived.root)
        return certificate if certificate.serial_number != first.serial_number else None

    second = wait_until(find_renewal, seconds=90, log=caddy)
    assert second.not_valid_after_utc > first.not_valid_after_utc
