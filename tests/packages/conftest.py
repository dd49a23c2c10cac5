"""A clean Debian in a folder of its own, without a network."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
PROGRAMS = ("mmdebstrap", "unshare", "lintian", "ip")
DEPENDENCIES = "python3,adduser,debconf,init-system-helpers,libstdc++6,zlib1g,ca-certificates"
ENTER = """\
set -e
ip link set lo up
mount --bind /dev "$0/dev"
mount -t proc proc "$0/proc"
exec chroot "$0" sh -ec "$1"
"""


@dataclass(frozen=True, slots=True)
class CleanSystem:
    """A Debian whose processes see no network but their own loopback, and end with the command that is run."""

    root: Path

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run lines of shell in it as root."""
        done = self.attempt(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def attempt(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run lines of shell in it as root, which may fail."""
        walls = ("--net", "--mount", "--pid", "--fork", "--kill-child")
        paths = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}
        return subprocess.run(
            ["unshare", *walls, "sh", "-c", ENTER, str(self.root), command],
            env=paths | {"DEBIAN_FRONTEND": "noninteractive"}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip # a command line


@pytest.fixture(scope="session")
def package() -> Path:
    """What `make dist` made."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    assert not missing, f"not on this machine: {missing}; as root: apt install mmdebstrap lintian"
    assert os.geteuid() == 0, "only root makes a Debian in a folder"
    (found,) = DIST.glob("newel_*.deb")
    return found


@pytest.fixture(scope="session")
def clean_system(package: Path, tmp_path_factory: pytest.TempPathFactory) -> CleanSystem:
    """The Debian of this machine with the packages that Newel's depends on, and its file in /root."""
    root = tmp_path_factory.mktemp("debian") / "root"
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )["VERSION_CODENAME"].strip('"')
    made = subprocess.run(
        ["mmdebstrap", "--variant=minbase", f"--include={DEPENDENCIES}", release, root],
        capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip # a command line
    assert made.returncode == 0, made.stderr
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    shutil.copy(package, root / "root/newel.deb")
    return CleanSystem(root)
