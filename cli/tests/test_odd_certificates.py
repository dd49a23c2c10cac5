"""Certificates under the labels that OpenSSL wrote of old, or writes with -trustout: every command reads them."""

import subprocess
from pathlib import Path

import pytest

from fixtures.running import NEWEL


def run_program(cwd: Path, line: str) -> bytes:
    answer = subprocess.run([NEWEL, *line.split()], capture_output=True, check=False, cwd=cwd)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate three times: as it is, under the old label, and with what OpenSSL trusts it for."""
    cwd = tmp_path_factory.mktemp("labels")
    run_program(
        cwd, "certificate create Root usual.crt root.key --profile root-ca --no-password --insecure"
    )
    usual = (cwd / "usual.crt").read_bytes()
    (cwd / "old.crt").write_bytes(usual.replace(b" CERTIFICATE-", b" X509 CERTIFICATE-"))
    command = "openssl x509 -in usual.crt -trustout -addtrust serverAuth -out trusted.crt"
    subprocess.run(command.split(), check=True, cwd=cwd)
    assert b"TRUSTED" in (cwd / "trusted.crt").read_bytes()
    return cwd


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", ["old", "trusted"])
@pytest.mark.parametrize(
    "line",
    [
        "certificate fingerprint {}.crt",
        "certificate inspect {}.crt",
        "certificate verify {0}.crt --roots {0}.crt",
        "certificate format {}.crt",
        "certificate key {}.crt",
        "crypto key public {}.crt",
        "crypto key fingerprint {}.crt",
    ],
)
def test_the_answer_is_that_for_the_usual_label(home: Path, name: str, line: str) -> None:
    assert run_program(home, line.format(name)) == run_program(home, line.format("usual"))
