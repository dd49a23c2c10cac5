"""A real token for the signer's tests: SoftHSM2 under a folder of its own."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "271828"


@dataclass(frozen=True)
class SoftHsm:
    """Where the tokens are, and what opens them."""

    library: Path
    folder: Path
    pin_file: Path
    labels: tuple[str, ...]


@pytest.fixture(scope="session")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """Initialised tokens, ``first``, ``second`` and ``third``. The library reads its settings once a process."""
    base = tmp_path_factory.mktemp("softhsm")
    folder = base / "tokens"
    folder.mkdir()
    settings = base / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\n")
    pin_file = base / "pin"
    pin_file.write_text(PIN + "\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    labels = ("first", "second", "third")
    for label in labels:
        pins = ["--pin", PIN, "--so-pin", "314159"]
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, *pins],
            check=True,
            capture_output=True,
        )
    yield SoftHsm(LIBRARY, folder, pin_file, labels)
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before
