"""XEdDSA: signatures by X25519 keys verify, and no others."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from newel.jose import jws
from newel.jose.errors import AlgorithmMismatchError, InvalidKeyError, InvalidSignatureError

MESSAGE = b"message"
SIGNED = {
    "e500eab1ea22fee959eb818af78bbf61beb96d8f6b87636d3813756dd61cb36d": (
        "6cfa95d21a45662a6c18e1d6954b7d9f59f83ea6b866a1fc3bb52830aaa05fba"
        "86ea1c5e5294b83c5e9b2f9bb781bfbf9faa0799dfc2ec74a22fa1e4b1e6030a"
    ),
    "1fbecfcede5636a406600be3ab8b8dd8c087f8850910ef08be5e64ba5ce5f503": (
        "220bc7e34002dc735b670e20b8f10b511bcc2ac2e094685c48051e018027c497"
        "404607c448e7e6858bf621656dfaa4d4195f9f73ce566f7c460d4bd89c989e08"
    ),
}
"""Made on libsodium by keys of either sign, with zeros for the random octets."""

SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\xff",
]
"""RFC 7748 §7: their multiples are few, so a signature under one proves nothing."""


def key(public: str) -> X25519PublicKey:
    """A public key in hex."""
    return X25519PublicKey.from_public_bytes(bytes.fromhex(public))


@pytest.mark.parametrize("public", SIGNED)
def test_a_signature_verifies_over_its_message_alone(public: str) -> None:
    signature = bytes.fromhex(SIGNED[public])
    jws.verify(key(public), "XEdDSA", MESSAGE, signature)
    for message, changed in (
        (b"other", signature),
        (MESSAGE, signature[:-1]),
        (MESSAGE, b""),
        (MESSAGE, signature[:-1] + bytes((signature[-1] ^ 0x80,))),
        (MESSAGE, bytes((signature[0] ^ 1,)) + signature[1:]),
    ):
        with pytest.raises(InvalidSignatureError):
            jws.verify(key(public), "XEdDSA", message, changed)


def test_another_key_s_signature_is_refused() -> None:
    first, second = SIGNED
    with pytest.raises(InvalidSignatureError):
        jws.verify(key(first), "XEdDSA", MESSAGE, bytes.fromhex(SIGNED[second]))


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_keys_of_small_order_sign_nothing(public: bytes) -> None:
    """The signature of the neutral point and zero verifies under some of them in plain Ed25519."""
    for point in (b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", bytes(32)):
        with pytest.raises(InvalidSignatureError):
            jws.verify(
                X25519PublicKey.from_public_bytes(public), "XEdDSA", MESSAGE, point + bytes(32)
            )


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "none", ""])
def test_an_x25519_key_has_one_algorithm(algorithm: str) -> None:
    first = next(iter(SIGNED))
    with pytest.raises(AlgorithmMismatchError):
        jws.verify(key(first), algorithm, MESSAGE, bytes.fromhex(SIGNED[first]))


def test_no_provisioner_s_key_is_one_of_x25519() -> None:
    with pytest.raises(InvalidKeyError):
        jws.require_verifying_key(X25519PrivateKey.generate().public_key())
