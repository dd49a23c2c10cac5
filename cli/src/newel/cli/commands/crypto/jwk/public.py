"""`newel crypto jwk public`: the public half of a JWK."""

from newel.cli.interact.terminal import show_json
from newel.cli.jose import jwk_files
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import read

PROMPT = "Please enter the password to decrypt your private JWK"


def run(call: Invocation) -> None:
    """Prints the public JWK of the one on stdin."""
    call.positionals(0)
    show_json(jwk_files.public_of(jwk_files.parse(read("-"), "JWK", prompt=PROMPT)))
