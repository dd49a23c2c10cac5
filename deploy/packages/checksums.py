"""SHA256SUMS: what `sha256sum --check` compares the files of a release with."""

import hashlib
from pathlib import Path

NAME = "SHA256SUMS"


def write_checksums(folder: Path) -> Path:
    """Write the checksum of every file of a folder, in the order of their names; return the list's path.

    Folders, hidden files and the list itself are left out.
    """
    lines: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != NAME and not path.name.startswith("."):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            lines.append(f"{digest}  {path.name}\n")
    target = folder / NAME
    target.write_text("".join(lines))
    return target
