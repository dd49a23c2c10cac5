"""``python -m newel.registration --config FILE``: the registration authority as a process of its own."""

import logging
import sys

from newel.registration.app import REVISION, TABLES, Ports, build
from newel.registration.config import Config
from newel.runtime.process.context import Context
from newel.runtime.process.main import main
from newel.runtime.service import Service
from newel.runtime.shared_table import SharedTable


async def assemble(config: Config, context: Context) -> Service:
    """Build the service, with its connections to the database and the issuing authority."""
    for line in config.warnings():
        logging.getLogger("newel.registration").warning("%s", line)
    database = await context.database(REVISION, TABLES)
    ports = Ports(
        database, context.channel("issuing"), context.tls,
        context.clock, context.audit(), context.registry, SharedTable.open_inherited(),
        inventory=context.optional_channel("inventory"),
        outbox=context.outbox(database) if context.config.nats else None,
    )  # fmt: skip # own ports, then those of every service
    return await build(config, ports)


if __name__ == "__main__":
    sys.exit(main("registration", Config, assemble))
