"""Root certificates as --roots names them: a file, several with commas, or a directory."""

import os

from newel.cli.errors import CliError
from newel.cli.operations.certificates.sources import blocks, unpack
from newel.cli.store.files import read


def root_certificates(named: str) -> list[bytes]:
    """Every certificate in DER. Raises CliError when a file cannot be read or nothing is found."""
    found: list[bytes] = []
    for name in files(named):
        found += [
            block.data for block in blocks(unpack(read(name), name)) if block.label == "CERTIFICATE"
        ]
    if not found:
        text = f"failure to load root certificate pool from input path '{named}': no certificates found"
        raise CliError(text)
    return found


def files(named: str) -> list[str]:
    """Return the files the value stands for."""
    if os.path.isdir(named):  # noqa: PTH112 - pathlib is slow to import
        with os.scandir(named) as entries:
            return sorted(entry.path for entry in entries if entry.is_file())
    return [name.strip() for name in named.split(",")]
