"""The validation authority as a program of its own: ``python -m newel.validation --config FILE``."""

import sys

from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service
from newel.validation.app import REVISION, TABLES, Ports, build
from newel.validation.config import Config


async def assemble(config: Config, context: Context) -> Service:
    """Assemble the service from what its process has opened."""
    database = await context.database(REVISION, TABLES)
    ports = Ports(
        database,
        context.outbox(database),
        context.bus(),
        context.channel("issuing"),
        context.channel("signer"),
        context.clock,
        context.audit(),
        context.registry,
    )
    return build(config, ports)


if __name__ == "__main__":
    sys.exit(main("validation", Config, assemble))
