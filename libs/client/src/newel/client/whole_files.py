"""Files that are whole or not there: whoever watches one never reads half of it."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Puts the data beside the target, on disk, and then in its place. Raises OSError."""
    with replacing(path, mode) as sink:
        sink.write(data)


@contextlib.contextmanager
def replacing(path: Path, mode: int) -> Generator[BinaryIO]:
    """A file beside the target that takes its place, on disk, when the block ends well. Raises OSError."""
    import tempfile  # costs more than a command that writes nothing

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
