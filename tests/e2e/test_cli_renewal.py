"""Our command line against the real step-ca and against our own authority: renewal, rekeying, revocation."""

import os
import signal
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fixtures.machine import Machine, authority, machine, stranger
from fixtures.running import NEWEL, wait_until

__all__ = ["authority", "machine", "stranger"]


def extensions(certificate: x509.Certificate) -> dict[str, tuple[bool, bytes]]:
    """By OID, since the original moves one when it renews."""
    return {
        each.oid.dotted_string: (each.critical, each.value.public_bytes())
        for each in certificate.extensions
    }


@pytest.mark.parametrize("flags", [[], ["--mtls=false"]], ids=["mtls", "bearer"])
def test_renew_keeps_all_but_serial_and_validity(machine: Machine, flags: list[str]) -> None:
    """The new certificate differs in serial number and validity alone, over TLS and by a bearer token."""
    before = machine.certificate("foo.internal", "--not-after", "20m")
    said = machine.newel(
        "ca", "renew", "foo.internal.crt", "foo.internal.key", "--force", *flags
    ).stderr
    assert said == "Your certificate has been saved in foo.internal.crt.\n"
    after = machine.read("foo.internal")
    assert after.serial_number != before.serial_number
    assert (after.subject, after.public_key()) == (before.subject, before.public_key())
    assert extensions(after) == extensions(before)
    lifetimes = [c.not_valid_after_utc - c.not_valid_before_utc for c in (before, after)]
    assert abs((lifetimes[0] - lifetimes[1]).total_seconds()) <= 60


def test_files_whose_lines_end_in_carriage_returns_alone(machine: Machine) -> None:
    """The commands that show a certificate to the authority read them as all the others do."""
    before = machine.certificate("foo.internal")
    for name in ("foo.internal.crt", "foo.internal.key"):
        file = machine.home / name
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r"))
    files = ["foo.internal.crt", "foo.internal.key"]
    machine.newel("ca", "renew", "--force", "--out", "renewed.crt", *files)
    rekeyed = ["--out-cert", "rekeyed.crt", "--out-key", "rekeyed.key"]
    machine.newel("ca", "rekey", "--force", *rekeyed, *files)
    for made in ("renewed", "rekeyed"):
        assert machine.read(made).serial_number != before.serial_number
    machine.newel("ca", "revoke", "--cert", files[0], "--key", files[1])


def test_renewal_when_it_is_due(machine: Machine) -> None:
    """Not due is success and changes nothing; --exec follows a renewal only."""
    machine.certificate("foo.internal")
    before = machine.files()
    words = [
        "ca",
        "renew",
        "foo.internal.crt",
        "foo.internal.key",
        "--force",
        "--exec",
        "touch renewed",
    ]
    said = machine.newel(*words, "--expires-in", "1h").stderr
    assert said.startswith("certificate not renewed: expires in 23h")
    assert machine.files() == before
    machine.newel(*words, "--expires-in", "24h")
    assert (machine.home / "renewed").exists()


def test_a_file_keeps_its_mode(machine: Machine) -> None:
    machine.certificate("foo.internal")
    (machine.home / "foo.internal.crt").chmod(0o644)
    machine.newel("ca", "renew", "foo.internal.crt", "foo.internal.key", "--force")
    assert (machine.home / "foo.internal.crt").stat().st_mode & 0o777 == 0o644


def test_rekey_makes_a_new_key(machine: Machine) -> None:
    before = machine.certificate("foo.internal")
    said = machine.newel("ca", "rekey", "foo.internal.crt", "foo.internal.key", "--force").stderr
    assert said == "✔ Certificate: foo.internal.crt\n✔ Private Key: foo.internal.key\n"
    after = machine.read("foo.internal")
    key = load_pem_private_key((machine.home / "foo.internal.key").read_bytes(), None)
    assert after.public_key() == key.public_key() != before.public_key()
    assert after.subject == before.subject


@pytest.mark.parametrize("command", ["renew", "rekey"])
def test_the_daemon(machine: Machine, command: str) -> None:
    """At start it waits, on SIGHUP it acts, on SIGTERM it exits with status 0."""
    before = machine.certificate("foo.internal")
    files = ["foo.internal.crt", "foo.internal.key"]
    log = machine.home / "daemon.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [NEWEL, "ca", command, *files, "--daemon", "--exec", "touch acted"],
            cwd=machine.home, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
            env={**os.environ, "STEPPATH": str(machine.home / "step")},
        )  # fmt: skip # a command line
    try:
        wait_until(lambda: "first " in log.read_text(), process=process, log=log)
        process.send_signal(signal.SIGHUP)
        wait_until((machine.home / "acted").exists, process=process, log=log)
        after = machine.read("foo.internal")
        assert after.serial_number != before.serial_number
        assert (after.public_key() == before.public_key()) is (command == "renew")
        assert f"foo.internal certificate {command}ed, next in 1" in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_revocation_by_key_and_by_token(machine: Machine) -> None:
    """The key of the certificate proves who revokes, or a token does."""
    serial = str(machine.certificate("foo.internal").serial_number)
    said = machine.newel(
        "ca", "revoke", "--cert", "foo.internal.crt", "--key", "foo.internal.key"
    ).stderr
    assert f"✔ CA: {machine.authority.url}\n" in said
    assert f"Certificate with Serial Number {serial} has been revoked.\n" in said
    machine.fail("ca", "renew", "foo.internal.crt", "foo.internal.key", "--force")
    serial = str(machine.certificate("bar.internal").serial_number)
    token = machine.token(serial, "--revoke")
    machine.newel("ca", "revoke", serial, "--token", token, "--reasonCode", "key compromise")
    machine.fail("ca", "renew", "bar.internal.crt", "bar.internal.key", "--force")


def test_a_daemon_outlives_what_fails(machine: Machine) -> None:
    """A command that fails after a renewal is reported, and so is an unreachable authority."""
    machine.certificate("foo.internal")
    log = machine.home / "daemon.log"
    words = ["foo.internal.crt", "foo.internal.key", "--daemon", "--exec", "false"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [NEWEL, "ca", "renew", *words],
            cwd=machine.home, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
            env={**os.environ, "STEPPATH": str(machine.home / "step")},
        )  # fmt: skip # a command line
    try:
        wait_until(lambda: "first " in log.read_text(), process=process, log=log)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "exit status 1" in log.read_text(), process=process, log=log)
        assert "certificate renewed, next in 1" in log.read_text()
        (machine.home / "foo.internal.key").rename(machine.home / "away")
        process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: "error renewing certificate: " in log.read_text(), process=process, log=log
        )
        (machine.home / "away").rename(machine.home / "foo.internal.key")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.read_text().count("renewed, next") == 2, process=process, log=log)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
