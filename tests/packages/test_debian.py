"""Debian's package in a clean Debian: installed without a network, it serves, and it leaves what is precious.

The tests stand in the order of a package's life, and each begins where the one before it ended.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from packages.conftest import DIST, ROOT, CleanSystem

pytestmark = pytest.mark.timeout(1800)
SERVE = """\
install -d -m 700 -o newel -g newel /var/lib/newel
setpriv --reuid newel --regid newel --clear-groups newel up --state /var/lib/newel --dns localhost 2>/tmp/log &
pid=$!
export STEPPATH=/var/lib/newel
for _ in $(seq 240); do newel ca health >/dev/null 2>&1 && break; sleep 0.5; done
newel ca certificate localhost /root/a.crt /root/a.key --force \\
  --provisioner admin --provisioner-password-file /var/lib/newel/secrets/password
newel certificate verify /root/a.crt --roots /var/lib/newel/certs/root_ca.crt
kill $pid
wait $pid
"""


def test_lintian_finds_no_error(package: Path) -> None:
    done = subprocess.run(
        ["lintian", "--allow-root", package], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("E:")] == []
    assert done.returncode == 0, done.stderr


def test_the_same_wheels_give_the_same_octets_elsewhere(package: Path, tmp_path: Path) -> None:
    for wheel in DIST.glob("*.whl"):
        shutil.copy(wheel, tmp_path)
    shutil.copytree(DIST / "man", tmp_path / "man")
    packed = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        epoch = str(archive.getmembers()[0].mtime)
    subprocess.run(
        [sys.executable, "-m", "deploy.packages", tmp_path], cwd=ROOT, check=True, umask=0o077,
        env=os.environ | {"SOURCE_DATE_EPOCH": epoch, "TZ": "Asia/Tokyo", "TMPDIR": str(tmp_path)},
    )  # fmt: skip # a command line
    digests = [hashlib.sha256(f.read_bytes()) for f in (package, tmp_path / package.name)]
    assert digests[0].hexdigest() == digests[1].hexdigest()


def test_every_file_of_a_release_has_its_checksum(package: Path) -> None:
    """`sha256sum` itself compares them."""
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=DIST, capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    assert f"{package.name}: OK\n" in done.stdout
    files = [path.name for path in DIST.iterdir() if path.is_file() and path.name[0] != "."]
    assert done.stdout.count(": OK\n") == len(files) - 1


def test_it_installs_without_a_network_and_says_what_is_next(clean_system: CleanSystem) -> None:
    done = clean_system.run("apt-get install --yes /root/newel.deb")
    assert "systemctl enable --now newel" in done.stdout + done.stderr
    assert clean_system.run("newel version").stdout.startswith("Newel CLI/")
    assert ":/usr/sbin/nologin\n" in clean_system.run("getent passwd newel").stdout
    assert clean_system.run("find /usr/lib/newel -name '*.pyc' | head -1").stdout
    assert clean_system.run("dpkg --verify newel").stdout == ""


def test_two_commands_lead_to_the_first_certificate(clean_system: CleanSystem) -> None:
    clean_system.run(SERVE)
    assert clean_system.run("stat -c %U:%a /var/lib/newel").stdout == "newel:700\n"


def test_another_version_keeps_settings_and_authority(clean_system: CleanSystem) -> None:
    root = clean_system.run("sha256sum /var/lib/newel/certs/root_ca.crt").stdout
    clean_system.run("echo NEWEL_OPTIONS=--workers=2 > /etc/newel/newel.env")
    clean_system.run("dpkg -i /root/newel.deb")
    assert clean_system.run("cat /etc/newel/newel.env").stdout == "NEWEL_OPTIONS=--workers=2\n"
    clean_system.run(SERVE)
    assert clean_system.run("sha256sum /var/lib/newel/certs/root_ca.crt").stdout == root


def test_a_removal_and_a_purge_leave_the_keys(clean_system: CleanSystem) -> None:
    clean_system.run("apt-get remove --yes newel")
    assert clean_system.attempt("test -e /usr/lib/newel").returncode != 0
    assert clean_system.run("ls /etc/newel").stdout == "newel.env\n"
    done = clean_system.run("apt-get purge --yes newel")
    assert "stay in /var/lib/newel" in done.stdout + done.stderr
    assert clean_system.attempt("test -e /etc/newel").returncode != 0
    clean_system.run("test -s /var/lib/newel/secrets/root_ca_key && getent passwd newel")


def test_a_purge_removes_the_keys_of_who_said_so(clean_system: CleanSystem) -> None:
    clean_system.run("apt-get install --yes /root/newel.deb && newel version")
    clean_system.run("echo newel newel/purge-state boolean true | debconf-set-selections")
    clean_system.run("apt-get purge --yes newel")
    assert clean_system.attempt("test -e /var/lib/newel").returncode != 0
    assert clean_system.attempt("getent passwd newel").returncode != 0
