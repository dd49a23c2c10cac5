"""``newel-kubernetes --config FILE``: the controller as a process of its own."""

import socket

from newel.kubernetes.api import connect
from newel.kubernetes.app import Ports, build
from newel.kubernetes.config import Config
from newel.runtime.entropy import random_hex
from newel.runtime.process import main as process
from newel.runtime.process.context import Context
from newel.runtime.service import Service


def assemble(config: Config, context: Context) -> Service:
    """Assemble the controller.

    A pod's host name is the first 63 letters of its name, so two replicas may have the same.
    """
    api = connect(config.kubeconfig)
    identity = f"{socket.gethostname()}_{random_hex(8)}"
    ports = Ports(api, identity, context.clock, context.audit(), context.registry)
    return build(config, ports)


def main() -> int:
    """Run the controller; return the program's exit status."""
    return process.main("kubernetes", Config, assemble)
