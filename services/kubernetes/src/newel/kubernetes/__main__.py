"""``python -m newel.kubernetes --config FILE``: the controller as a process of its own."""

import sys

from newel.kubernetes.program import main

if __name__ == "__main__":
    sys.exit(main())
