"""Debian's package: control files, and `dpkg-deb` to put it together."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from deploy.packages import environment, units
from deploy.packages.copyrights import write_copyright
from deploy.packages.shared_files import DOCS, make_shared_files
from deploy.packages.tree import File, Link, Tree, compress, write_tree

SOURCES = Path(__file__).parent / "debian"
SCRIPTS = ("postinst", "prerm", "postrm")
MAINTAINER = "The authors of Newel <newel@localhost.invalid>"
"""A release has its own in NEWEL_MAINTAINER."""
CONTROL = """\
Package: newel
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Recommends: ca-certificates
Suggests: postgresql, softhsm2
Section: net
Priority: optional
Description: {description}
"""
CHANGELOG = """\
newel ({version}) unstable; urgency=medium

  * What is new stands in NEWS.gz beside this file.

 -- {maintainer}  {date}
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A package before it is packed: what is installed, and what `dpkg` is told."""

    name: str
    version: str
    architecture: str
    tree: Tree
    control: Tree


def make_package(wheels: Path, manual: Path, epoch: int) -> Package:
    """Make the package from the wheels and manual pages of `make dist`."""
    tree, closure = environment.make_environment(wheels)
    python = environment.PYTHON
    # Native modules are for one version of Python, so a newer system's package is a newer version.
    version = f"{closure['newel-cli'].version}+py{python}"
    maintainer = os.environ.get("NEWEL_MAINTAINER") or MAINTAINER
    changelog = CHANGELOG.format(version=version, maintainer=maintainer, date=formatdate(epoch))
    tree |= make_shared_files(manual) | units.make_units()
    tree[f"{DOCS}/copyright"] = File(write_copyright(closure))
    tree[f"{DOCS}/changelog.gz"] = compress(changelog.encode())
    tree["etc/newel/newel.env"] = File((SOURCES / "newel.env").read_bytes())
    tree["usr/share/lintian/overrides/newel"] = File((SOURCES / "overrides").read_bytes())
    major, minor = python.split(".")
    depends = (
        f"python3 (>= {python})", f"python3 (<< {major}.{int(minor) + 1})",
        f"libc6 (>= {environment.find_libc(closure.values())})", "libstdc++6", "zlib1g",
        "adduser", "debconf (>= 0.5) | debconf-2.0", "init-system-helpers (>= 1.52)",
    )  # fmt: skip # a list of packages
    architecture = read_architecture()
    control = CONTROL.format(
        version=version,
        architecture=architecture,
        maintainer=maintainer,
        size=measure(tree),
        depends=", ".join(depends),
        description=(SOURCES / "description").read_text().rstrip(),
    )
    return Package("newel", version, architecture, tree, make_control(tree, control))


def make_control(tree: Mapping[str, File | Link], control: str) -> Tree:
    """Make what is in the control part: fields, checksums, configuration files, scripts, questions."""
    sums = "".join(
        f"{hashlib.md5(entry.data, usedforsecurity=False).hexdigest()}  {name}\n"
        for name, entry in sorted(tree.items())
        if isinstance(entry, File) and not name.startswith("etc/")
    )
    configured = "".join(f"/{name}\n" for name in sorted(tree) if name.startswith("etc/"))
    made: Tree = {
        "control": File(control.encode()),
        "md5sums": File(sums.encode()),
        "conffiles": File(configured.encode()),
        "templates": File((SOURCES / "templates").read_bytes()),
    }
    for name in SCRIPTS:
        text = (SOURCES / name).read_text().replace("@PYTHON@", environment.PYTHON)
        made[name] = File(text.encode(), 0o755)
    return made


def measure(tree: Mapping[str, File | Link]) -> int:
    """Return the installed size in KiB, counted as Debian's policy (5.6.20) has it: every entry rounded up."""
    sizes = (len(entry.data) if isinstance(entry, File) else 1 for entry in tree.values())
    folders = {str(above) for name in tree for above in Path(name).parents}
    return sum(-(-size // 1024) for size in sizes) + len(folders)


def read_architecture() -> str:
    """Ask `dpkg` for the architecture of this machine, such as amd64."""
    words = ("dpkg", "--print-architecture")
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def pack(package: Package, output: Path, epoch: int) -> Path:
    """Write the package to a folder; return its file. Raises CalledProcessError, OSError."""
    target = output / f"{package.name}_{package.version}_{package.architecture}.deb"
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "package"
        folder.mkdir()
        control = {f"DEBIAN/{name}": entry for name, entry in package.control.items()}
        write_tree(package.tree | control, folder, epoch)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--uniform-compression", "-Zxz", "--threads-max=1",
             "--build", str(folder), str(target)],
            check=True, stdout=subprocess.DEVNULL, env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch)},
        )  # fmt: skip # a command line
    return target
