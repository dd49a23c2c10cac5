"""`python -m newel.standalone`: what `newel up` runs, and how it starts its workers."""

import sys

from newel.standalone.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
