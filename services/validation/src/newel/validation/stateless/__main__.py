"""The responder as a program: ``python -m newel.validation.stateless --config FILE``."""

import sys

from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service
from newel.validation.stateless.app import build
from newel.validation.stateless.config import Config


def assemble(config: Config, context: Context) -> Service:
    """Assemble the service; it needs nothing of its process but the clock."""
    return build(config, context.clock, context.registry)


if __name__ == "__main__":
    sys.exit(main("responder", Config, assemble))
