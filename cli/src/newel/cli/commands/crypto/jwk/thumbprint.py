"""`newel crypto jwk thumbprint`: the name of a key that follows from the key (RFC 7638)."""

from typing import TYPE_CHECKING

from newel.cli.commands.crypto.jwk.public import PROMPT
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jwk_files
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwk import CryptoJWKThumbprintOptions


def run(options: "CryptoJWKThumbprintOptions") -> None:
    """Print the thumbprint of the JWK on stdin."""
    options.positionals(0)
    thumbprint = jwk_files.thumbprint(jwk_files.parse(read("-"), "JWK", prompt=PROMPT))
    if options.json:
        show_json({"thumbprint": thumbprint})
    else:
        print(thumbprint)
