"""`newel crypto key public`: the public half of a key."""

import sys

from newel.cli.interact.terminal import note, show_json
from newel.cli.operations.keys.key_files import public_key
from newel.cli.operations.keys.key_output import public_pem
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import write


def run(call: Invocation) -> None:
    """Prints or writes the public key as PEM."""
    name = (call.positionals(0, 1) or ["-"])[0]
    text = public_pem(public_key(name, call.get("password-file")))
    out = call.get("out")
    if out is None:
        if call.json:
            show_json({"publicKey": text.decode()})
        else:
            sys.stdout.write(text.decode())
        return
    write(out, text, force=call.on("force"))
    note(f"The public key has been saved in {out}.")
