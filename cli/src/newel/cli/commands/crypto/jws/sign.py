"""`newel crypto jws sign`: a signature around any payload."""

from typing import Any

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jose_keys, jwk_files, jws_headers, jws_messages
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import read
from newel.cli.store.standard_input import has_input


def run(call: Invocation) -> None:
    """Signs a file or stdin and prints the compact JWS."""
    given = call.positionals(0, 1)
    payload = read(given[0], exact=True) if given else read("-", exact=True) if has_input() else b""
    key, header = signer(call)
    for name in ("typ", "cty", "jku"):
        if call.given(name):
            header[name] = call.get(name) or ""
    if call.on("jwk"):
        header["jwk"] = jwk_files.public_of(key.jwk)
    show(call, jws_messages.sign(header, payload, key))


def show(call: Invocation, token: str) -> None:
    """The token on a line, or in JSON."""
    if call.json:
        show_json({"token": token})
    else:
        print(token)


def signer(call: Invocation) -> tuple[jose_keys.JoseKey, dict[str, Any]]:
    """The signing key the flags name, and the header members that say so."""
    flag = jws_headers.certificate_flag(call)
    wanted = jose_keys.Wanted(
        "sig", call.get("alg") or "", call.get("kid") or "", subtle=call.on("subtle")
    )
    key = jose_keys.chosen(call, wanted)
    jose_keys.for_signing(key)
    if call.known("jwk") and call.on("jwk") and isinstance(key.key, bytes):
        raise UsageError("flag '--jwk' would publish the symmetric key")
    header: dict[str, Any] = {}
    if key.kid and not call.on("no-kid"):
        header["kid"] = key.kid
    if flag:
        header |= jws_headers.certificate_header(call, flag, key)
    return key, header
