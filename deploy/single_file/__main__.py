"""`python -m deploy.single_file DIRECTORY`: makes the one file from the directory's wheels, beside them."""

import sys
from pathlib import Path

from deploy.single_file.making import make

if __name__ == "__main__":
    print(make(Path(sys.argv[1])))  # noqa: T201 - what a Makefile's reader wants to know
