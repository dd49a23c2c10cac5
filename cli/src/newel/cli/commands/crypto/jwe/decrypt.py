"""`newel crypto jwe decrypt`: what is inside a JWE."""

import sys
from typing import TYPE_CHECKING

from newel.cli.commands.crypto.jwe.encrypt import PASSWORD
from newel.cli.errors import CliError
from newel.cli.jose import jose_key, jose_keys, jwe_messages
from newel.cli.operations.keys.key_passwords import password_for
from newel.cli.options.groups import select
from newel.cli.store.files import read
from newel.crypto.keys import PublicKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwe import CryptoJWEDecryptOptions


def run(options: "CryptoJWEDecryptOptions") -> None:
    """Decrypt stdin and print the plaintext as it is."""
    options.positionals(0)
    message = jwe_messages.compact(read("-"))
    alg = str(jwe_messages.header_of(message).get("alg", ""))
    if alg in PASSWORD:
        for flag in ("key", "jwks"):
            if options.get(flag):
                raise CliError(f"flag '--{flag}' cannot be used with JWE algorithm '{alg}'")
        opener: bytes | jose_key.JOSEKey = password_for(
            "",
            options.password_file,
            "Please enter the password to decrypt the content encryption key",
        )
    else:
        opener = choose_key(options, alg)
    sys.stdout.buffer.write(jwe_messages.decrypt(message, opener))
    sys.stdout.flush()


def choose_key(options: "CryptoJWEDecryptOptions", alg: str) -> jose_key.JOSEKey:
    """Return the private key, if it is one to decrypt with."""
    wanted = jose_keys.KeyRequest("enc", kid=options.kid or "")
    key = jose_keys.choose(select(jose_keys.KeySource, options), wanted, other="jwk")
    if isinstance(key.key, PublicKey):
        raise CliError("cannot use a public key for decryption")
    if key.use == "sig":
        raise CliError("invalid jwk use: found 'sig' (signature), expecting 'enc' (encryption)")
    jose_keys.validate_encryption(key, alg)
    return key
