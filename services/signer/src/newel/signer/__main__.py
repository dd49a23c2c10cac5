"""``python -m newel.signer --config FILE``: the signer as a process of its own."""

import sys

from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service
from newel.signer.app import Ports, build
from newel.signer.config import Config


def assemble(config: Config, context: Context) -> Service:
    """Build the signer, which needs no database, no events and no other service."""
    return build(config, Ports(context.clock, context.audit(), context.registry))


if __name__ == "__main__":
    sys.exit(main("signer", Config, assemble))
