"""`python -m newel.standalone.step_ca`: the command without its entry point."""

import sys

from newel.standalone.step_ca.command import main

if __name__ == "__main__":
    sys.exit(main())
