"""``python -m newel.issuing --config FILE``: the issuing authority as a process of its own."""

import sys

from newel.issuing.app import REVISION, TABLES, Ports, build
from newel.issuing.config import Config
from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service


async def assemble(config: Config, context: Context) -> Service:
    """Assemble the issuing authority: it calls the signer and publishes events by its outbox."""
    database = await context.database(REVISION, TABLES)
    ports = Ports(
        database,
        context.outbox(database),
        context.channel("signer"),
        context.clock,
        context.audit(),
        context.registry,
    )
    return build(config, ports)


if __name__ == "__main__":
    sys.exit(main("issuing", Config, assemble))
