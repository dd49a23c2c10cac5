"""Files of a mount whose mode this process cannot change: secrets of containers."""

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def is_fixed(path: Path) -> bool:
    """Tell whether the mode of a file cannot be changed from here.

    True on a read-only mount, as Docker and Kubernetes mount secrets, and for another user's file on one in
    memory. Raises OSError for a missing file.
    """
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return True
    status = path.stat()
    mine = os.geteuid() in {0, status.st_uid}
    return not mine and _file_system(status.st_dev) in _IN_MEMORY


def _file_system(device: int) -> str:
    """Return the kind of file system of a device, "" where that is unknown (proc(5), mountinfo)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields, _, kind = line.partition(" - ")
        if fields.split()[2:3] == [number]:
            return kind.split()[0]
    return ""
