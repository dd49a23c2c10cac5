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
    from newel.cli.options.invocation import Invocation


def make(call: "Invocation", given: "Answers") -> Material:
    """The keys and certificates, with a line for each step as it is done."""
    if given.parent:
        root, intermediate = material.Signer(given.parent.root(), None), None
    else:
        root, intermediate = signers(call, given)
    if not call.on("ssh"):
        return material.Material(root, intermediate)
    with doing("Generating user and host SSH certificate signing keys"):
        keys = material.new_key(), material.new_key()
    return material.Material(root, intermediate, *keys)


def signers(call: "Invocation", given: "Answers") -> tuple[Signer, Signer]:
    """Root and intermediate, made here or taken over."""
    note("")
    if call.get("root"):
        with doing("Copying root certificate"):
            root = material.existing(
                call.require("root"), call.get("key"), call.get("key-password-file")
            )
    else:
        with doing("Generating root certificate"):
            root = material.new_root(given.name)
    if call.get("intermediate"):
        with doing("Copying intermediate certificate"):
            intermediate = material.existing_intermediate(call, root)
    else:
        with doing("Generating intermediate certificate"):
            intermediate = material.new_intermediate(given.name, root)
    return root, intermediate


@contextlib.contextmanager
def doing(what: str) -> Generator[None]:
    """A line that ends with "done!" when the block ends well."""
    print(f"{what}...", end=" ", file=sys.stderr, flush=True)
    well = False
    try:
        yield
        well = True
    finally:
        print("done!" if well else "", file=sys.stderr)
