"""Provisioners whose key is escrowed."""

import json

from newel.jose import jwe
from newel.step.escrow import new_jwk_provisioner
from newel.step.provisioners import JWKProvisionerConfig, from_mapping


def test_the_escrowed_key_is_the_public_ones_and_opens_with_the_password() -> None:
    record = new_jwk_provisioner("admin", b"secret")
    parsed = from_mapping(record)
    assert isinstance(parsed, JWKProvisionerConfig)
    private = json.loads(jwe.decrypt_with_password(record["encryptedKey"], b"secret"))
    public = record["key"]
    assert {name: private[name] for name in ("kty", "crv", "x", "y", "kid")} == {
        name: public[name] for name in ("kty", "crv", "x", "y", "kid")
    }
    assert "d" in private
    assert "d" not in public
