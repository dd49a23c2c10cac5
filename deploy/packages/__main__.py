"""`python -m deploy.packages DIRECTORY`: makes Debian's package from the directory's wheels, and checksums."""

import shutil
import sys
from pathlib import Path

from deploy.packages import checksums, debian
from deploy.packages.tree import read_epoch


def main(output: Path) -> int:
    """Make what this machine can make; return the exit code."""
    epoch = read_epoch()
    if shutil.which("dpkg-deb"):
        package = debian.make_package(output, output / "man", epoch)
        print(debian.pack(package, output, epoch))  # noqa: T201 - a Makefile's reader wants to know
    else:
        print("no dpkg-deb here, so no package for Debian is made")  # noqa: T201 - see above
    print(checksums.write_checksums(output))  # noqa: T201 - see above
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
