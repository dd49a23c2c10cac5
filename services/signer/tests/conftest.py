"""More tokens beside the one of the shared fixture, in the same SoftHSM."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.signer import authority_files
from newel.signer.ceremony.authority import AuthorityFiles


@dataclass(frozen=True)
class SoftHsm:
    """Where the tokens are, and what opens them."""

    library: Path
    folder: Path
    pin_file: Path


@pytest.fixture(scope="session")
def hsm(softhsm: Any, tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    """The initialised tokens ``first``, ``second`` and ``third``."""
    pin_file = tmp_path_factory.mktemp("pin") / "pin"
    pin_file.write_text(softhsm.pin + "\n")
    pin_file.chmod(0o600)
    pins = ["--pin", softhsm.pin, "--so-pin", "2718281828"]
    for label in ("first", "second", "third"):
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, *pins],
            check=True,
            capture_output=True,
        )
    settings = Path(os.environ["SOFTHSM2_CONF"])
    return SoftHsm(softhsm.module, settings.with_name("tokens"), pin_file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a password file."""
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    return tmp_path


@pytest.fixture
def files(folder: Path) -> AuthorityFiles:
    """Where an embedded authority would put its files."""
    return authority_files(folder)
