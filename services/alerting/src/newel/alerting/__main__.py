"""``python -m newel.alerting --config FILE``: alerting as a process of its own."""

import sys

from newel.alerting.app import REVISION, TABLES, Ports, build
from newel.alerting.config import Config
from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service


async def assemble(config: Config, context: Context) -> Service:
    """Assemble alerting, which receives the events of expiring endpoints."""
    ports = Ports(
        await context.database(REVISION, TABLES),
        context.bus(),
        context.channel("inventory"),
        context.clock,
        context.audit(),
        context.registry,
    )
    return build(config, ports)


if __name__ == "__main__":
    sys.exit(main("alerting", Config, assemble))
