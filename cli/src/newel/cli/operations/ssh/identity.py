"""The X.509 certificate by which an SSH client is known to an authority that asks for client certificates.

It is requested along with the SSH certificate, lasts as long, and is kept for every later call.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import certificate_requests
from newel.cli.store import atomic_write, steppath
from newel.cli.store.files import make_directory, read

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.crypto.keys import PrivateKey

MACHINE_ID = "/etc/machine-id"
DERIVED = b"man moon machine"
"""Keys the hash of the machine's id, so that the host's id does not tell it."""


class Request(NamedTuple):
    """What is asked for."""

    csr: str
    key: "PrivateKey"


def request(options: "AuthorityOptions", subject: str, kind: str, given_id: str | None) -> Request:
    """Return a request for a ``user``, or for a ``host``, which is known by a UUID.

    Raises CliError.
    """
    from newel.crypto.keys import generate

    names = [host_id(options, given_id).urn, subject] if kind == "host" else [subject]
    key = read_key(options) or generate()
    return Request(certificate_requests.make(key, subject, names), key)


def files(
    options: "AuthorityOptions", asked: Request, chain: Sequence[str]
) -> list[atomic_write.Target]:
    """Return the files to store of the answer; create their folders."""
    from newel.cli.operations.keys.key_output import private_pem

    folder = options.folder
    for name in ("identity", "config"):
        make_directory(folder / name)
    certificate, key = (
        str(folder / "identity" / name) for name in ("identity.crt", "identity_key")
    )
    index = json.dumps({"type": "mTLS", "crt": certificate, "key": key}, indent=3) + "\n"
    return [
        atomic_write.Target(certificate, pem(chain)),
        atomic_write.Target(key, private_pem(asked.key)),
        atomic_write.Target(str(options.identity_file), index.encode()),
    ]


def renew_files(options: "AuthorityOptions", chain: Sequence[str]) -> list[atomic_write.Target]:
    """Return the files to store where a renewal renewed the identity too; [] otherwise."""
    known = steppath.read_json(options.identity_file).get("crt")
    return [atomic_write.Target(str(known), pem(chain))] if chain and known else []


def pem(chain: Sequence[str]) -> bytes:
    """Return the certificates as a file holds them."""
    return "".join(text.strip() + "\n" for text in chain).encode()


def read_key(options: "AuthorityOptions") -> "PrivateKey | None":
    """Return the current identity's key, which its successor keeps; None without a usable one."""
    from newel.crypto.keys import InvalidKeyError, load_private_key

    name = steppath.read_json(options.identity_file).get("key")
    if not name or not Path(str(name)).is_file():
        return None
    try:
        return load_private_key(read(str(name)))
    except InvalidKeyError:
        return None


def host_id(options: "AuthorityOptions", given: str | None) -> uuid.UUID:
    """Return the host's id: of --host-id, else the one it has, else a new one. Raises CliError."""
    if not given:
        return read_host_id(options) or uuid.uuid4()
    if given == "machine":
        return of_machine(read(MACHINE_ID))
    try:
        return uuid.UUID(given)
    except ValueError:
        raise UsageError(
            f"invalid value '{given}' for flag '--host-id'; options are [ machine | <UUID> ]"
        ) from None


def of_machine(machine_id: bytes) -> uuid.UUID:
    """Return an id that never changes on a machine."""
    digest = hashlib.blake2b(machine_id, digest_size=16, key=DERIVED).digest()
    return uuid.UUID(bytes=digest, version=4)


def read_host_id(options: "AuthorityOptions") -> uuid.UUID | None:
    """Return the id in the current identity."""
    from cryptography import x509

    from newel.crypto import loading

    name = steppath.read_json(options.identity_file).get("crt")
    if not name or not Path(str(name)).is_file():
        return None
    try:
        leaf = loading.load_pem_certificate(read(str(name)))
        names = (
            loading.read_extensions(leaf).get_extension_for_class(x509.SubjectAlternativeName).value
        )
        return uuid.UUID(names.get_values_for_type(x509.UniformResourceIdentifier)[0])
    except (CliError, ValueError, IndexError, x509.ExtensionNotFound):
        return None


def token_for(options: "AuthorityOptions", name: str) -> str:
    """Return a token by the identity that asks about this host; "" without one. Raises CliError."""
    import base64

    from newel.cli.operations.keys.key_files import private_key
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.cli.operations.tokens.signed_tokens import TokenRequest, sign
    from newel.jose import jwk

    known = steppath.read_json(options.identity_file)
    if not known.get("key"):
        return ""
    key = private_key(str(known["key"]))
    chain = [base64.b64encode(der).decode() for der in read_leaf(str(known["crt"])).chain]
    return sign(
        TokenRequest(name, "/ssh/check-host"),
        key,
        kid=jwk.from_public_key(key.public_key()).kid or "",
        issuer="x5c-identity",
        header={"x5cInsecure": chain},
    )
