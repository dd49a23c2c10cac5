"""The names of signature algorithms, and the numbers of a public key."""

from typing import NamedTuple

from newel.crypto import der, oids

UNKNOWN = "0"
_SIGNATURES = {
    "1.2.840.113549.1.1.2": "MD2-RSA",
    "1.2.840.113549.1.1.4": "MD5-RSA",
    oids.SHA1_WITH_RSA: "SHA1-RSA",
    "1.3.14.3.2.29": "SHA1-RSA",
    oids.SHA256_WITH_RSA: "SHA256-RSA",
    oids.SHA384_WITH_RSA: "SHA384-RSA",
    oids.SHA512_WITH_RSA: "SHA512-RSA",
    "1.2.840.10040.4.3": "DSA-SHA1",
    "2.16.840.1.101.3.4.3.2": "DSA-SHA256",
    "1.2.840.10045.4.1": "ECDSA-SHA1",
    oids.ECDSA_WITH_SHA256: "ECDSA-SHA256",
    oids.ECDSA_WITH_SHA384: "ECDSA-SHA384",
    oids.ECDSA_WITH_SHA512: "ECDSA-SHA512",
    oids.ED25519: "Ed25519",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
_PSS_HASHES = {oids.SHA256: "SHA256", oids.SHA384: "SHA384", oids.SHA512: "SHA512"}
_CURVES = {
    oids.P256: ("P-256", 256),
    oids.P384: ("P-384", 384),
    oids.P521: ("P-521", 521),
    "1.3.132.0.33": ("P-224", 224),
}
_KINDS = {
    oids.RSA: "RSA",
    oids.EC_PUBLIC_KEY: "ECDSA",
    oids.ED25519: "Ed25519",
    oids.DSA: "DSA",
}


class PublicKey(NamedTuple):
    """A public key: its kind, its curve or "", its bits, and its numbers as big-endian octets."""

    kind: str
    curve: str
    bits: int
    parts: dict[str, bytes]
    octets: bytes


def algorithm_oid(algorithm: bytes) -> str:
    """Return the identifier of an AlgorithmIdentifier. Raises :class:`der.DERError`."""
    return der.Reader(der.only(algorithm).content).oid()


def signature_name(algorithm: bytes) -> str:
    """Return Go's name of a signature algorithm; "0" for one without a name."""
    oid = algorithm_oid(algorithm)
    return _pss_name(algorithm) if oid == oids.RSASSA_PSS else _SIGNATURES.get(oid, UNKNOWN)


def parse_public_key(spki: bytes) -> PublicKey:
    """Split a SubjectPublicKeyInfo; kind "" for an unknown key. Raises :class:`der.DERError`."""
    inner = der.Reader(der.only(spki).content)
    algorithm = inner.sequence()
    oid = algorithm.oid()
    octets = inner.bit_string()
    kind = _KINDS.get(oid, _SIGNATURES.get(oid, ""))
    if kind == "RSA":
        numbers = der.Reader(der.only(octets).content)
        modulus, exponent = unsigned_octets(numbers.integer()), unsigned_octets(numbers.integer())
        size = int.from_bytes(modulus, "big").bit_length()
        return PublicKey(kind, "", size, {"n": modulus, "e": exponent}, octets)
    if kind == "ECDSA":
        curve, bits = _CURVES.get(algorithm.oid(), ("", 0))
        half = len(octets) // 2
        points = {"x": octets[1 : half + 1], "y": octets[half + 1 :]}
        return PublicKey(kind, curve, bits, points, octets)
    if kind == "DSA":
        domain = algorithm.sequence()
        p, q, g = (unsigned_octets(domain.integer()) for _ in range(3))
        y = unsigned_octets(der.Reader(octets).integer())
        size = int.from_bytes(q, "big").bit_length()
        return PublicKey(kind, "", size, {"pub": y, "P": p, "Q": q, "G": g}, octets)
    return PublicKey(kind, "", len(octets) * 8, {}, octets)


def unsigned_octets(number: int) -> bytes:
    """Convert a number to octets without leading zeros. Raises :class:`der.DERError` below zero."""
    if number < 0:
        raise der.DERError("a number is negative where none can be")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _pss_name(algorithm: bytes) -> str:
    """Name RSASSA-PSS by the digest in its parameters (RFC 4055 §3.1)."""
    try:
        parameters = der.only(der.split(der.only(algorithm).content)[1])
        hashes = der.Reader(parameters.content).read(0xA0)
        digest = _PSS_HASHES.get(algorithm_oid(hashes.content))
    except (der.DERError, IndexError):
        digest = None
    return f"{digest}-RSAPSS" if digest else UNKNOWN
