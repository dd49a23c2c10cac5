"""``python -m newel.inventory --config FILE``: the inventory as a process of its own."""

import sys

from newel.inventory.app import REVISION, TABLES, Ports, build
from newel.inventory.config import Config
from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service


async def assemble(config: Config, context: Context) -> Service:
    """Assemble the inventory: it catalogues certificates, reconciles lists and reports what expires."""
    database = await context.database(REVISION, TABLES)
    ports = Ports(
        database,
        context.outbox(database),
        context.bus(),
        context.channel("issuing"),
        context.clock,
        context.audit(),
        context.registry,
    )
    return build(config, ports)


if __name__ == "__main__":
    sys.exit(main("inventory", Config, assemble))
