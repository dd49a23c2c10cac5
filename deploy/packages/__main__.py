"""`python -m deploy.packages DIRECTORY`: makes Debian's package from the directory's wheels, beside them."""

import shutil
import sys
from pathlib import Path

from deploy.packages import debian
from deploy.packages.tree import read_epoch


def main(output: Path) -> int:
    """Make what this machine can make; return the exit code."""
    epoch = read_epoch()
    if not shutil.which("dpkg-deb"):
        print("no dpkg-deb here, so no package for Debian is made")  # noqa: T201 - a Makefile's reader wants it
        return 0
    print(debian.pack(debian.make_package(output, output / "man", epoch), output, epoch))  # noqa: T201 - see above
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
