"""``python -m deploy.split``: what ``make split`` runs."""

import sys

from deploy.split.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
