"""The one file: a zip archive of three entries, however much is in it.

The interpreter reads a zip's directory on every start, so the content is a second archive inside. Our own
members come from wheels, everything else from the environment that runs this.
"""

import hashlib
import io
import py_compile
import sys
import sysconfig
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

from deploy.single_file import launcher
from deploy.single_file.closure import files_of, find_closure

FIRST_LINE = b"#!/usr/bin/env -S python3 -IS\n"
"""Isolated and without `site`: what other packages hook into every start is not waited for."""
EPOCH = (1980, 1, 1, 0, 0, 0)
MAIN = """\
import sys
if (sys.version_info[:2], sys.platform) != ({python!r}, {platform!r}):
    sys.exit("newel: this file is for Python {python[0]}.{python[1]} on {platform}")
from launcher import start
sys.exit(start({identity!r}))
"""


def make(wheels: Path) -> Path:
    """Write the file to the folder of the wheels."""
    python = sys.version_info[:2]
    inner = archive(content(wheels), zipfile.ZIP_DEFLATED)
    identity = hashlib.sha256(inner).hexdigest()[:32]
    start = MAIN.format(identity=identity, python=python, platform=sys.platform)
    entries = {
        "__main__.py": start.encode(),
        "launcher.pyc": compile_launcher(),
        "content.zip": inner,
    }
    machine = sysconfig.get_platform().replace("-", "_")
    output = wheels / f"newel-{version('newel-cli')}-cp{python[0]}{python[1]}-{machine}.pyz"
    output.write_bytes(FIRST_LINE + archive(entries, zipfile.ZIP_STORED))
    output.chmod(0o755)
    return output


def compile_launcher() -> bytes:
    """Compile the launcher: to do so on every start would take as long as the rest of it."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "launcher.pyc")
        py_compile.compile(
            launcher.__file__, target, "launcher.py", doraise=True, invalidation_mode=unchecked
        )
        return Path(target).read_bytes()


def content(wheels: Path) -> dict[str, bytes]:
    """Every module the command line needs, by its path below the folder that is put on `sys.path`."""
    return {
        entry: data
        for name, installed in find_closure(wheels).items()
        for entry, data in files_of(name, installed, wheels)
    }


def archive(entries: dict[str, bytes], compression: int) -> bytes:
    """Build a zip archive that is the same whenever it is built."""
    read_metadata = io.BytesIO()
    with zipfile.ZipFile(read_metadata, "w", compression) as target:
        for name, data in sorted(entries.items()):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = compression
            info.external_attr = 0o644 << 16
            target.writestr(info, data)
    return read_metadata.getvalue()
