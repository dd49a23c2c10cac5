"""Parts of the split shape taken away: what goes on, what stops, and that nothing is lost."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.needs import find_program
from fixtures.running import run, wait_until
from fixtures.split import Split

pytestmark = pytest.mark.needs("step", "openssl", "curl")

CACHED = ("-no_nonce",)
"""What relying parties ask by: an answer to a nonce is signed for it alone, and needs the signer."""


def certificate(split: Split, folder: Path, name: str) -> Path:
    """A new certificate by a one-time token."""
    path = folder / f"{name}.crt"
    done = ask(split, folder, name)
    assert done.returncode == 0, done.stderr
    return path


def ask(split: Split, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    password = str(split.password_file)
    files = [str(folder / f"{name}.crt"), str(folder / f"{name}.key")]
    who = ["--provisioner", "admin", "--password-file", password]
    return split.step("ca", "certificate", f"{name}.internal", *files, "--force", *who)


def revoke(split: Split, path: Path) -> None:
    key = path.with_suffix(".key")
    done = split.step("ca", "revoke", "--cert", str(path), "--key", str(key))
    assert done.returncode == 0, done.stderr


def read_crl(split: Split, folder: Path) -> set[int]:
    """The serials in the CRL, whose signature is the issuer's."""
    crl = folder / "crl.der"
    run(["curl", "-sf", "-m", "5", "-o", crl, f"{split.http_url}/crl"])
    run(["openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-CAfile", split.issuer])
    return {entry.serial_number for entry in x509.load_der_x509_crl(crl.read_bytes())}


def serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def sql(split: Split, text: str) -> None:
    program = find_program("initdb")
    assert program is not None
    run(
        [
            program.with_name("psql"),
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            text,
            split.dsn("postgres"),
        ]
    )


@contextlib.contextmanager
def without_the_issuing_database(split: Split) -> Generator[None]:
    """The issuing authority is shut out of its database while the block runs."""
    sql(split, "ALTER ROLE issuing NOLOGIN")
    sql(split, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'issuing'")
    try:
        wait_until(lambda: split.ready("issuing") == 503)
        yield
    finally:
        sql(split, "ALTER ROLE issuing LOGIN")
        wait_until(lambda: split.ready("issuing") == 200)


def test_status_is_answered_while_the_issuing_database_and_nats_are_away(
    split: Split, tmp_path: Path
) -> None:
    asked, never_asked = (
        certificate(split, tmp_path, "asked"),
        certificate(split, tmp_path, "never"),
    )
    revoked, last = certificate(split, tmp_path, "revoked"), certificate(split, tmp_path, "last")
    revoke(split, revoked)
    wait_until(lambda: split.ocsp(revoked) == "revoked")
    wait_until(lambda: split.ocsp(asked) == "good")
    wait_until(lambda: split.ocsp(last) == "good")  # so that of all before it is known, too
    wait_until(lambda: serial(revoked) in read_crl(split, tmp_path))
    with split.without("nats"), without_the_issuing_database(split):
        assert ask(split, tmp_path, "refused").returncode != 0
        assert split.ocsp(asked) == "good"
        assert split.ocsp(never_asked) == "good"
        assert split.ocsp(revoked) == "revoked"
        assert serial(revoked) in read_crl(split, tmp_path)
        assert split.ready("validation") == 200
    after = certificate(split, tmp_path, "after")
    wait_until(lambda: split.ocsp(after) == "good")


def test_what_was_asked_is_answered_while_every_database_is_away(
    split: Split, tmp_path: Path
) -> None:
    asked = certificate(split, tmp_path, "asked")
    wait_until(lambda: split.ocsp(asked, *CACHED) == "good")
    before = read_crl(split, tmp_path)
    with split.without("postgres"):
        assert split.ocsp(asked, *CACHED) == "good"
        assert read_crl(split, tmp_path) == before
    wait_until(lambda: ask(split, tmp_path, "after").returncode == 0)
    wait_until(lambda: split.ocsp(tmp_path / "after.crt") == "good")


def test_events_written_while_nats_is_away_arrive_when_it_is_back(
    split: Split, tmp_path: Path
) -> None:
    with split.without("nats"):
        path = certificate(split, tmp_path, "meanwhile")
        assert split.ocsp(path) != "good"
    wait_until(lambda: split.ocsp(path) == "good", seconds=60)


def test_a_signer_that_is_killed_comes_back_and_what_is_known_is_answered_meanwhile(
    split: Split, tmp_path: Path
) -> None:
    asked = certificate(split, tmp_path, "asked")
    wait_until(lambda: split.ocsp(asked, *CACHED) == "good")
    with split.without("signer"):
        assert split.ocsp(asked, *CACHED) == "good"
        assert ask(split, tmp_path, "refused").returncode != 0
    pid = split.pid("signer")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: split.pid("signer") != pid and split.is_up("signer"))
    wait_until(lambda: ask(split, tmp_path, "after").returncode == 0)
