"""`newel crypto jwk thumbprint`: the name of a key that follows from the key (RFC 7638)."""

from newel.cli.commands.crypto.jwk.public import PROMPT
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jwk_files
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import read


def run(call: Invocation) -> None:
    """Prints the thumbprint of the JWK on stdin."""
    call.positionals(0)
    thumbprint = jwk_files.thumbprint(jwk_files.parse(read("-"), "JWK", prompt=PROMPT))
    if call.json:
        show_json({"thumbprint": thumbprint})
    else:
        print(thumbprint)
