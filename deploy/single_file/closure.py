"""The distributions that the command line needs: our own from wheels, the others as this environment has them.

Those are the locked versions, whose hashes were checked when they were installed.
"""

import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN = "newel-"


def find_closure(wheels: Path, *roots: str) -> dict[str, Distribution]:
    """Find distributions and all they need to run here, by name.

    ``roots`` are requirements, such as ``newel-standalone[mysql]``; without any, the command line is meant.
    Raises PackageNotFoundError.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots or ("newel-cli",)]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in ("", *wanted.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            if name not in found:
                own = name.startswith(OWN)
                found[name] = read_metadata(wheel(wheels, name)) if own else distribution(name)
            lines = (Requirement(line) for line in found[name].requires or [])
            waiting += (r for r in lines if not r.marker or r.marker.evaluate({"extra": extra}))
    return found


def wheel(wheels: Path, name: str) -> Path:
    """Find the wheel of a member."""
    (path,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
    return path


def read_metadata(path: Path) -> Distribution:
    """Read a wheel's metadata."""
    name, version = path.name.split("-")[:2]
    return PathDistribution(zipfile.Path(path, f"{name}-{version}.dist-info/"))  # pyright: ignore[reportArgumentType] - a zip's path reads as the protocol asks


def files_of(name: str, installed: Distribution, wheels: Path) -> Iterator[tuple[str, bytes]]:
    """List the modules and metadata of a distribution, by their path below `site-packages`."""
    if name.startswith(OWN):
        with zipfile.ZipFile(wheel(wheels, name)) as archive:
            for entry in archive.namelist():
                if ".data/" not in entry:
                    yield entry, archive.read(entry)
        return
    for file in installed.files or []:
        path = Path(str(installed.locate_file(file)))
        if ".." not in file.parts and "__pycache__" not in file.parts and path.is_file():
            yield file.as_posix(), path.read_bytes()
