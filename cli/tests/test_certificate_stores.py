"""certificate p12, judged by openssl; certificate install refuses what is no root."""

import subprocess
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, PLAIN, STEP, create
from fixtures.offline import certificate as run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, a leaf, a password file."""
    cwd = tmp_path_factory.mktemp("stores")
    (cwd / "password").write_text("secret word\n")
    create(
        cwd,
        "Root root.crt root.key --profile root-ca",
        "leaf leaf.crt leaf.key --ca root.crt --ca-key root.key",
    )
    return cwd


def open_store(home: Path, name: str, password: str, *options: str) -> str:
    """What openssl finds in the file."""
    words = ["openssl", "pkcs12", "-in", name, "-passin", f"pass:{password}", "-nodes", *options]
    done = subprocess.run(words, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("flags", "algorithms"),
    [("", "PBES2, PBKDF2, AES-256-CBC"), ("--legacy", "pbeWithSHA1And3-KeyTripleDES-CBC")],
)
def test_openssl_opens_the_key_and_its_chain(home: Path, flags: str, algorithms: str) -> None:
    done = run(
        NEWEL,
        f"p12 a.p12 leaf.crt leaf.key --ca root.crt --password-file password -f {flags}",
        home,
    )
    assert (done.returncode, done.stderr) == (0, "Your .p12 bundle has been saved as a.p12.\n")
    found = open_store(home, "a.p12", "secret word", "-info")
    assert (found.count("BEGIN CERTIFICATE"), found.count("PRIVATE KEY")) == (2, 2)
    assert algorithms in found
    assert (home / "a.p12").stat().st_mode & 0o777 == 0o600


@pytest.mark.needs("openssl")
def test_authorities_alone_make_a_trust_store(home: Path) -> None:
    assert run(NEWEL, "p12 t.p12 --ca root.crt --password-file password -f", home).returncode == 0
    found = open_store(home, "t.p12", "secret word")
    assert "friendlyName: CN=Root - " in found
    assert "PRIVATE KEY" not in found


@pytest.mark.needs("openssl")
def test_a_file_without_a_password_must_be_asked_for_twice(home: Path) -> None:
    assert run(NEWEL, f"p12 n.p12 leaf.crt leaf.key {PLAIN}", home).returncode == 0
    assert "PRIVATE KEY" in open_store(home, "n.p12", "")


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "line",
    [
        "p12", "p12 b.p12", "p12 b.p12 leaf.crt", "p12 b.p12 leaf.crt leaf.key --no-password",
        "p12 b.p12 leaf.crt leaf.key --no-password --password-file password",
        "install leaf.crt", "uninstall leaf.crt",
    ],
)  # fmt: skip # words in rows
def test_refusals_equal_the_originals(home: Path, line: str) -> None:
    ours, theirs = run(NEWEL, line, home), run(STEP, line, home)
    assert (ours.returncode, ours.stdout, ours.stderr) == (1, "", theirs.stderr)


def test_a_key_that_is_not_the_certificates_is_refused(home: Path) -> None:
    done = run(NEWEL, "p12 b.p12 leaf.crt root.key --password-file password", home)
    assert done.returncode == 1
    assert "does not belong" in done.stderr
    assert not (home / "b.p12").exists()
