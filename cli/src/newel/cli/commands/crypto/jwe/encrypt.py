"""`newel crypto jwe encrypt`: a message only the holder of a key or password can read."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import ask_password
from newel.cli.jose import jose_key, jose_keys, jwe_messages
from newel.cli.jose.jose_algorithms import ECDH, OCT_ENCRYPTION, RSA_ENCRYPTION
from newel.cli.options.groups import select
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwe import CryptoJWEEncryptOptions


PASSWORD = ("PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW")
CONTENT = ("A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512")


def run(call: "CryptoJWEEncryptOptions") -> None:
    """Encrypt stdin and print the JWE as JSON."""
    call.positionals(0)
    alg, enc = call.alg or "", call.enc or "A256GCM"
    known = {*PASSWORD, *ECDH, *OCT_ENCRYPTION, *RSA_ENCRYPTION}
    for flag, value, options in (("alg", alg, known | {""}), ("enc", enc, CONTENT)):
        if value not in options:
            raise UsageError(f"invalid value '{value}' for flag '--{flag}'")
    header: dict[str, Any] = {"enc": enc}
    for name in ("typ", "cty"):
        if value := call.get(name):
            header[name] = value
    kid = call.kid or ""
    if alg in PASSWORD:
        for flag in ("key", "jwks"):
            if call.get(flag):
                raise UsageError(f"flag '--alg {alg}' and flag '--{flag}' are mutually exclusive")
        header |= {"alg": alg} | ({"kid": kid} if kid else {})
        recipient = ask_password(
            "Please enter the password to encrypt the content encryption key", answer_by=""
        ).encode()
    else:
        recipient = choose_key(call, alg, kid)
        header |= {"alg": alg or recipient.alg} | ({"kid": recipient.kid} if recipient.kid else {})
    print(jwe_messages.full(jwe_messages.encrypt(header, read("-", exact=True), recipient)))


def choose_key(call: "CryptoJWEEncryptOptions", alg: str, kid: str) -> jose_key.JOSEKey:
    """Return the recipient's key, if it is one to encrypt with."""
    wanted = jose_keys.KeyRequest("enc", alg, kid, subtle=call.subtle)
    key = jose_keys.choose(select(jose_keys.KeySource, call), wanted, other="jwk")
    if key.use == "sig":
        raise CliError("invalid jwk use: found 'sig' (signature), expecting 'enc' (encryption)")
    jose_keys.validate_encryption(key, alg or key.alg)
    return key
