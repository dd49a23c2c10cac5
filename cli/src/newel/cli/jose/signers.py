"""Who made a JWS: a key that is known, or the subject of a certificate below a root (x5c, RFC 7515 §4.1.6)."""

import base64
import binascii
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple, cast

from newel.cli.errors import CliError, UsageError
from newel.cli.jose import jose_keys, jwk_files
from newel.cli.jose.jose_key import JOSEKey
from newel.cli.jose.jose_keys import KeyRequest
from newel.cli.operations.web_files import read_file_or_url
from newel.cli.store.files import utf_8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newel.cli.jose.jws_messages import Jws
    from newel.crypto.reader.certificates import Certificate

MOST_CERTIFICATES = 20


class Signer(NamedTuple):
    """A public key and the names its certificate gives it; a bare key has its id, and no chain."""

    key: JOSEKey
    names: list[str]
    chain: "Sequence[Certificate]" = ()
    """From the certificate to its root."""


def by_key(name: str, message: "Jws") -> Signer:
    """Return the key in a file or at an https address; one of a JWK set by the id the message names.

    A shared key identifies no signer. The algorithm that the key names is binding.
    """
    kid = str(message.header.get("kid", ""))
    where, _, wanted = name.partition("#")
    data = utf_8(read_file_or_url(where))
    in_set = jose_keys.is_set(data)
    asked = KeyRequest("sig", kid=wanted or (kid if in_set else ""), fixed_only=True)
    key = (jose_keys.of_set if in_set else jose_keys.of_data)(data, where, asked)
    if isinstance(key.key, bytes):
        raise CliError(f"{where} is a shared key: a key that verifies also signs")
    if key.alg and key.alg != message.header.get("alg"):
        raise CliError("validation failed: invalid signature")
    return Signer(key, [key.kid] if key.kid else [])


def by_chain(message: "Jws", roots: "list[Certificate]", at: dt.datetime) -> Signer:
    """Return the subject of the message's certificate if it is valid at ``at`` below one of ``roots``."""
    from newel.cli.operations.certificates import vouched

    chain = vouched.check(chain_of(message), roots, at, "the signer's certificate")
    vouched.check_may_sign(chain[0], "the signer's certificate")
    key = vouched.key_of(chain[0], "the signer's certificate")
    return Signer(JOSEKey(key, jwk_files.of_key(key)), vouched.names_of(chain[0]), chain)


def chain_of(message: "Jws") -> "list[Certificate]":
    """Return the certificates of the x5c header, the signer's first. Raises CliError."""
    from newel.cli.operations.certificates import sources

    texts = message.header.get("x5c")
    if texts is None:
        raise UsageError("the signature names no certificate: give the signer's key by '--key'")
    listed = cast("list[object]", texts) if isinstance(texts, list) else []
    try:
        ders = [base64.b64decode(str(text), validate=True) for text in listed]
    except (ValueError, binascii.Error):
        ders = []
    if not 0 < len(ders) <= MOST_CERTIFICATES:
        raise CliError("error parsing token: x5c is no list of certificates")
    return [sources.parse(one, "x5c") for one in ders]
