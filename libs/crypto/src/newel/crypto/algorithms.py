"""The algorithms of keys and signatures, as DER AlgorithmIdentifiers."""

from newel.crypto import der

EC = der.oid("1.2.840.10045.2.1")
RSA = der.oid("1.2.840.113549.1.1.1")
ED25519 = der.oid("1.3.101.112")

_SIGNATURES_OF_KEYS = {
    EC: frozenset(der.sequence(der.oid(f"1.2.840.10045.4.3.{number}")) for number in (2, 3, 4)),
    RSA: frozenset(
        der.sequence(der.oid(f"1.2.840.113549.1.1.{number}"), b"\x05\x00")
        for number in (11, 12, 13)
    ),
    ED25519: frozenset({der.sequence(ED25519)}),
}


def key_algorithm(spki: bytes) -> bytes:
    """Return the encoded OBJECT IDENTIFIER of a SubjectPublicKeyInfo's algorithm.

    Raises :class:`der.DERError`.
    """
    algorithm = der.split(der.only(spki).content)[0]
    return der.split(der.only(algorithm).content)[0]


def signatures_of(spki: bytes) -> frozenset[bytes]:
    """Return the AlgorithmIdentifiers of a key's signatures; none for an unknown kind."""
    return _SIGNATURES_OF_KEYS.get(key_algorithm(spki), frozenset())
