"""`newel ca federate`: what the earliest texts call `ca federation`."""

from newel.cli.commands.ca.federation import run

__all__ = ["run"]
