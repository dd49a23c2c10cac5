"""`python -m newel.cli`: the command line without its installed name."""

import sys

from newel.cli.main import main

sys.exit(main())
