"""New JWK provisioners whose private key the authority keeps, encrypted under a password."""

from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from newel.jose import jwk


def new_jwk_provisioner(name: str, password: bytes) -> dict[str, Any]:
    """Return the record of a JWK provisioner with a new P-256 key, as ``ca.json`` has it.

    ``encryptedKey`` is the private JWK in a compact JWE under ``password`` (PBES2), as the step
    tools write it.
    """
    from newel.jose import jwe  # it takes a while to import

    private = jwk.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    return {
        "type": "JWK",
        "name": name,
        "key": msgspec.to_builtins(private.without_private_members()),
        "encryptedKey": jwe.encrypt_with_password(msgspec.json.encode(private), password),
    }
