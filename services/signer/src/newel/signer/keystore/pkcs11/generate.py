"""Making key pairs inside a token, from where they cannot be exported, for the ceremony."""

from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from newel.crypto import der, oids
from newel.crypto.keys import KeyKind
from newel.signer.keys import KeyExistsError
from newel.signer.keystore.pkcs11.key import KeyReference, TokenKey
from newel.signer.keystore.pkcs11.token import OpenSession, Token

_SEALED = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: True,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
_VERIFY_ONLY = {Attribute.VERIFY: True, Attribute.ENCRYPT: False, Attribute.WRAP: False}

_RSA_BITS = {KeyKind.RSA2048: 2048, KeyKind.RSA3072: 3072, KeyKind.RSA4096: 4096}
_EC_PARAMETERS = {
    KeyKind.P256: (KeyType.EC, Mechanism.EC_KEY_PAIR_GEN, der.oid(oids.P256)),
    KeyKind.P384: (KeyType.EC, Mechanism.EC_KEY_PAIR_GEN, der.oid(oids.P384)),
    KeyKind.ED25519: (
        KeyType.EC_EDWARDS,
        Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        der.tlv(der.PRINTABLE_STRING, b"edwards25519"),
    ),
}


def generate(token: Token, reference: KeyReference, kind: KeyKind) -> TokenKey:
    """Generate a key pair. Raises :class:`KeyExistsError` rather than shadow another key."""
    token.write(lambda opened: _generate(opened, reference, kind))
    return TokenKey(token, reference)


def _generate(opened: OpenSession, reference: KeyReference, kind: KeyKind) -> None:
    if exists(opened, reference):
        raise KeyExistsError(f"the token already holds a key {reference.label!r}")
    common: dict[str, Any] = {
        "id": reference.id,
        "label": reference.label,
        "store": True,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "public_template": _VERIFY_ONLY,
        "private_template": _SEALED,
    }
    session = opened.session
    if kind in _RSA_BITS:
        session.generate_keypair(KeyType.RSA, _RSA_BITS[kind], **common)
        return
    if kind not in _EC_PARAMETERS:
        raise pkcs11.MechanismInvalid(f"{kind} keys cannot be made in tokens")
    key_type, mechanism, parameters = _EC_PARAMETERS[kind]
    domain = session.create_domain_parameters(
        key_type, {Attribute.EC_PARAMS: parameters}, local=True
    )
    domain.generate_keypair(mechanism=mechanism, **common)


def exists(opened: OpenSession, reference: KeyReference) -> bool:
    """Say whether any object of the token, public or private, has the name."""
    return any(
        next(iter(opened.session.get_objects(reference.template(object_class))), None)
        for object_class in (ObjectClass.PUBLIC_KEY, ObjectClass.PRIVATE_KEY)
    )


def remove(token: Token, reference: KeyReference) -> None:
    """Destroy both halves of a key pair."""

    def destroy(opened: OpenSession) -> None:
        for object_class in (ObjectClass.PUBLIC_KEY, ObjectClass.PRIVATE_KEY):
            for found in list(opened.session.get_objects(reference.template(object_class))):
                found.destroy()

    token.write(destroy)
