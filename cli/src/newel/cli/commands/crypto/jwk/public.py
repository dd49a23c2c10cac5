"""`newel crypto jwk public`: the public half of a JWK."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.jose import jwk_files
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwk import CryptoJWKPublicOptions


PROMPT = "Please enter the password to decrypt your private JWK"


def run(options: "CryptoJWKPublicOptions") -> None:
    """Print the public JWK of the one on stdin."""
    options.positionals(0)
    show_json(jwk_files.public_of(jwk_files.parse(read("-"), "JWK", prompt=PROMPT)))
