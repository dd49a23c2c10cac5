"""``python -m newel.dashboard --config FILE``: the dashboard as a process of its own."""

import sys

from newel.dashboard.config import ProcessConfig
from newel.dashboard.process import assemble
from newel.runtime.process.main import main

if __name__ == "__main__":
    sys.exit(main("dashboard", ProcessConfig, assemble))
