"""What is measured: an authority as the load generator knows it."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # fixtures and fakes of the tests


@dataclass(frozen=True, slots=True)
class Authority:
    """One running authority as the load generator needs to know it."""

    name: str
    url: str
    http_url: str  # plain HTTP: OCSP; "" where there is none
    root: Path
    jwk: Path  # the decrypted provisioner key
    pids: tuple[int, ...]  # whose process trees are counted


def peer(name: str) -> str:
    """The path of a program that is not our own alias of the same name."""
    ours = str(Path(sys.executable).parent)
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != ours)
    found = shutil.which(name, path=path)
    if not found:
        raise FileNotFoundError(name)
    return found
