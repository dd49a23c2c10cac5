"""`newel crypto jws verify`: the payload of a JWS, if the signature is right."""

from newel.cli.commands.crypto.jws.inspect import show
from newel.cli.errors import CliError
from newel.cli.jose import jose_keys, jws_messages
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import read


def run(call: Invocation) -> None:
    """Prints the payload of the JWS on stdin when it is verified."""
    call.positionals(0)
    message = jws_messages.parse(read("-").decode(errors="replace"))
    key = verifier(call, message, "JWS")
    show(call, message, jws_messages.verify(message, key))


def verifier(call: Invocation, message: jws_messages.Jws, kind: str) -> jose_keys.JoseKey:
    """The key the flags name, its algorithm compared with what the message claims."""
    subtle, alg = call.on("subtle"), call.get("alg") or ""
    kid = call.get("kid") or ""
    if call.get("jwks") and not kid:
        kid = str(message.header.get("kid", ""))
    wanted = jose_keys.Wanted("sig", alg, kid, subtle, fixed_only=not call.on("insecure"))
    key = jose_keys.chosen(call, wanted)
    jose_keys.validate_signing(key)
    jws_messages.refuse_unknown(message)
    claimed = str(message.header.get("alg", ""))
    if key.alg != claimed and not subtle and not call.on("insecure"):
        if alg:
            raise CliError(f"alg {alg} does not match the alg on {kind} ({claimed})")
        raise CliError("validation failed: invalid signature")
    return key
