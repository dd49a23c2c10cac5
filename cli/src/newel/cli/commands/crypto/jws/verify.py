"""`newel crypto jws verify`: the payload of a JWS, if the signature is right."""

from typing import TYPE_CHECKING

from newel.cli.commands.crypto.jws.inspect import show
from newel.cli.errors import CliError
from newel.cli.jose import jose_key, jose_keys, jws_messages
from newel.cli.options.groups import select
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jws import CryptoJWSVerifyOptions
    from newel.cli.options.records.crypto_jwt import CryptoJWTVerifyOptions


def run(options: "CryptoJWSVerifyOptions") -> None:
    """Print the payload of the JWS on stdin when it is verified."""
    options.positionals(0)
    message = jws_messages.parse(read("-").decode(errors="replace"))
    key = verifier(options, message, "JWS")
    show(options, message, jws_messages.verify(message, key))


def verifier(
    options: "CryptoJWSVerifyOptions | CryptoJWTVerifyOptions",
    message: jws_messages.Jws,
    kind: str,
) -> jose_key.JOSEKey:
    """Return the key the flags name, its algorithm compared with what the message claims."""
    subtle, alg = options.subtle, options.alg or ""
    kid = options.kid or ""
    if options.jwks and not kid:
        kid = str(message.header.get("kid", ""))
    wanted = jose_keys.KeyRequest("sig", alg, kid, subtle, fixed_only=not options.insecure)
    key = jose_keys.choose(select(jose_keys.KeySource, options), wanted)
    jose_keys.validate_signing(key)
    jws_messages.refuse_unknown(message)
    claimed = str(message.header.get("alg", ""))
    if key.alg != claimed and not subtle and not options.insecure:
        if alg:
            raise CliError(f"alg {alg} does not match the alg on {kind} ({claimed})")
        raise CliError("validation failed: invalid signature")
    return key
