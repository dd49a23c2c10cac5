"""`newel crypto jose format`: the compact serialization as JSON, and JSON as compact."""

from typing import TYPE_CHECKING

from newel.cli.jose import jwe_messages, jwk_files, jws_messages
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jose import CryptoJOSEFormatOptions


def run(options: "CryptoJOSEFormatOptions") -> None:
    """Convert the JWS or JWE on stdin to the other serialization."""
    options.positionals(0)
    data = read("-")
    to_compact = data.lstrip().startswith(b"{")
    if jwk_files.is_encrypted(data):
        compact = jwe_messages.compact(data)
        print(compact if to_compact else jwe_messages.full(compact))
        return
    message = jws_messages.parse(data.decode(errors="replace"))
    print(message.compact if to_compact else message.full)
