"""The program: `newel-kms-plugin key|certificate|sign [--kms URI] URI`, as `step-kms-plugin` is called.

It signs any digest, as that program does, and is therefore for people who have the token's PIN. No service
starts it, and it reads no service's configuration.
"""

import argparse
import base64
import binascii
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import PKCS11Error

from newel.crypto import pem
from newel.crypto.keys import InvalidKeyError
from newel.signer.key_uris import KeyURIError
from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.plugin import token
from newel.signer.keystore.plugin.uri import parse

LARGEST = 1 << 20
FORMATS = {"base64": base64.b64encode, "hex": binascii.hexlify, "raw": bytes}


def main() -> int:
    """Run one command; on failure print a line on stderr and return 1."""
    call = make_parser().parse_args()
    try:
        sys.stdout.buffer.write(run(call))
    except (KeyURIError, InvalidKeyError, KeyUnavailableError, OSError) as error:
        return fail(str(error))
    except PKCS11Error as error:
        return fail(f"the token answers {type(error).__name__} {error}".strip())
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="newel-kms-plugin", description=__doc__
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("key", "certificate", "sign"):
        one = verbs.add_parser(verb)
        one.add_argument("uri")
        one.add_argument(
            "--kms", default="", help="the token, where the key's URI does not name it"
        )
        if verb == "sign":
            one.add_argument("--format", choices=FORMATS, default="base64")
            one.add_argument("--alg", choices=token.HASHES, default="SHA256", help="of RSA keys")
            one.add_argument("--pss", action="store_true")
            one.add_argument("--salt-length", type=int, default=-1, help="of PSS; -1: the digest's")
            one.add_argument("--in", dest="file", help="the digest, instead of stdin")
    return parser


def run(call: argparse.Namespace) -> bytes:
    """Run one command and return what it prints."""
    location = parse(*([call.kms] if call.kms else []), call.uri)
    if call.verb == "key":
        key = token.public_key(location)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if call.verb == "certificate":
        found = token.certificates(location)
        if not found:
            raise KeyURIError("the token has no certificate of that name")
        return pem.encode_all(found)
    with Path(call.file).open("rb") if call.file else sys.stdin.buffer as source:
        digest = source.read(LARGEST)
    salt = None
    if call.pss:
        salt = call.salt_length if call.salt_length >= 0 else token.HASHES[call.alg].size
    return FORMATS[call.format](token.sign(location, digest, call.alg, salt))


def fail(cause: str) -> int:
    """Print the cause of a failure on stderr and return 1."""
    sys.stderr.write(f"{cause}\n")
    return 1
