"""The keys and certificates of a new authority, step by step, each step said when it is done."""

import contextlib
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note
from newel.cli.operations.ca_init import material
from newel.cli.operations.ca_init.material import Material, Signer

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.answers import Answers
    from newel.cli.operations.ca_init.init_options import InitOptions


def make(options: "InitOptions", given: "Answers") -> Material:
    """Create the keys and certificates, reporting each step as it is done."""
    if given.parent:
        root, intermediate = material.Signer(given.parent.root(), None), None
    else:
        root, intermediate = signers(options, given)
    if not options.ssh:
        return material.Material(root, intermediate)
    with announce("Generating user and host SSH certificate signing keys"):
        keys = material.new_key(), material.new_key()
    return material.Material(root, intermediate, *keys)


def signers(options: "InitOptions", given: "Answers") -> tuple[Signer, Signer]:
    """Root and intermediate, made here or taken over."""
    note("")
    if options.root:
        with announce("Copying root certificate"):
            root = material.read_authority(
                str(options.root), options.key, options.key_password_file
            )
    else:
        with announce("Generating root certificate"):
            root = material.new_root(given.name)
    if options.intermediate:
        with announce("Copying intermediate certificate"):
            intermediate = material.read_intermediate(options, root)
    else:
        with announce("Generating intermediate certificate"):
            intermediate = material.new_intermediate(given.name, root)
    return root, intermediate


@contextlib.contextmanager
def announce(what: str) -> Generator[None]:
    """Announce a step, and print "done!" when the block succeeds."""
    print(f"{what}...", end=" ", file=sys.stderr, flush=True)
    well = False
    try:
        yield
        well = True
    finally:
        print("done!" if well else "", file=sys.stderr)
