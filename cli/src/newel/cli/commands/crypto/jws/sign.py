"""`newel crypto jws sign`: a signature around any payload."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jose_key, jose_keys, jwk_files, jws_headers, jws_messages
from newel.cli.options.groups import select
from newel.cli.store.files import read
from newel.cli.store.standard_input import has_input

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jws import CryptoJWSSignOptions
    from newel.cli.options.records.crypto_jwt import CryptoJWTSignOptions


def run(options: "CryptoJWSSignOptions") -> None:
    """Sign a file or stdin and print the compact JWS."""
    given = options.positionals(0, 1)
    payload = read(given[0], exact=True) if given else read("-", exact=True) if has_input() else b""
    key, header = signer(options)
    for name in ("typ", "cty", "jku"):
        if options.is_given(name):
            header[name] = options.get(name) or ""
    if options.jwk:
        header["jwk"] = jwk_files.public_of(key.jwk)
    show(options, jws_messages.sign(header, payload, key))


def show(options: "CryptoJWSSignOptions | CryptoJWTSignOptions", token: str) -> None:
    """Print the token on a line, or in JSON."""
    if options.json:
        show_json({"token": token})
    else:
        print(token)


def signer(
    options: "CryptoJWSSignOptions | CryptoJWTSignOptions",
) -> tuple[jose_key.JOSEKey, dict[str, Any]]:
    """Return the signing key the flags name, and the header members that say so."""
    certificate = select(jws_headers.CertificateSource, options)
    others = [name for name in ("jwk", "jwks") if options.has(name) and options.is_given(name)]
    jws_headers.check_source(certificate, options.key, others)
    wanted = jose_keys.KeyRequest(
        "sig", options.alg or "", options.kid or "", subtle=options.subtle
    )
    key = jose_keys.choose(select(jose_keys.KeySource, options), wanted)
    jose_keys.for_signing(key)
    if options.has("jwk") and options.on("jwk") and isinstance(key.key, bytes):
        raise UsageError("flag '--jwk' would publish the symmetric key")
    header: dict[str, Any] = {}
    if key.kid and not options.no_kid:
        header["kid"] = key.kid
    return key, header | jws_headers.certificate_header(certificate, key)
