"""How keys and signature algorithms are called, and the numbers of a public key."""

from typing import NamedTuple

from newel.crypto import der

_RSA = "1.2.840.113549.1.1."
_ECDSA = "1.2.840.10045.4."
PSS = f"{_RSA}10"
SIGNATURES = {
    f"{_RSA}2": "MD2-RSA", f"{_RSA}4": "MD5-RSA", f"{_RSA}5": "SHA1-RSA", "1.3.14.3.2.29": "SHA1-RSA",
    f"{_RSA}11": "SHA256-RSA", f"{_RSA}12": "SHA384-RSA", f"{_RSA}13": "SHA512-RSA",
    "1.2.840.10040.4.3": "DSA-SHA1", "2.16.840.1.101.3.4.3.2": "DSA-SHA256",
    f"{_ECDSA}1": "ECDSA-SHA1", f"{_ECDSA}3.2": "ECDSA-SHA256", f"{_ECDSA}3.3": "ECDSA-SHA384",
    f"{_ECDSA}3.4": "ECDSA-SHA512", "1.3.101.112": "Ed25519",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}  # fmt: skip
_PSS_HASHES = {
    "2.16.840.1.101.3.4.2.1": "SHA256", "2.16.840.1.101.3.4.2.2": "SHA384",
    "2.16.840.1.101.3.4.2.3": "SHA512",
}  # fmt: skip
CURVES = {
    "1.2.840.10045.3.1.7": ("P-256", 256), "1.3.132.0.34": ("P-384", 384),
    "1.3.132.0.35": ("P-521", 521), "1.3.132.0.33": ("P-224", 224),
}  # fmt: skip
UNKNOWN = "0"
_KINDS = {
    f"{_RSA}1": "RSA", "1.2.840.10045.2.1": "ECDSA", "1.3.101.112": "Ed25519",
    "1.2.840.10040.4.1": "DSA",
}  # fmt: skip


class PublicKey(NamedTuple):
    """A public key: its kind, a curve or "", its bits, and its parts as big-endian octets."""

    kind: str
    curve: str
    bits: int
    parts: dict[str, bytes]
    octets: bytes


def oid_of(algorithm: bytes) -> str:
    """The identifier of an AlgorithmIdentifier."""
    return der.Reader(der.only(algorithm).content).oid()


def signature_name(algorithm: bytes) -> str:
    """What a signature algorithm is called; "0" for one without a name."""
    oid = oid_of(algorithm)
    return _pss_name(algorithm) if oid == PSS else SIGNATURES.get(oid, UNKNOWN)


def _pss_name(algorithm: bytes) -> str:
    """RSASSA-PSS names its digest in its parameters (RFC 4055 §3.1)."""
    try:
        parameters = der.only(der.split(der.only(algorithm).content)[1])
        hashes = der.Reader(parameters.content).read(0xA0)
        digest = _PSS_HASHES.get(oid_of(hashes.content))
    except (der.DerError, IndexError):
        digest = None
    return f"{digest}-RSAPSS" if digest else UNKNOWN


def public_key(spki: bytes) -> PublicKey:
    """The numbers of a SubjectPublicKeyInfo. Raises DerError; kind "" for a key that is not known."""
    inner = der.Reader(der.only(spki).content)
    algorithm = inner.sequence()
    oid = algorithm.oid()
    octets = inner.bit_string()
    kind = _KINDS.get(oid, SIGNATURES.get(oid, ""))
    if kind == "RSA":
        numbers = der.Reader(der.only(octets).content)
        modulus, exponent = shortest(numbers.integer()), shortest(numbers.integer())
        size = int.from_bytes(modulus, "big").bit_length()
        return PublicKey(kind, "", size, {"n": modulus, "e": exponent}, octets)
    if kind == "ECDSA":
        curve, bits = CURVES.get(algorithm.oid(), ("", 0))
        half = len(octets) // 2
        points = {"x": octets[1 : half + 1], "y": octets[half + 1 :]}
        return PublicKey(kind, curve, bits, points, octets)
    if kind == "DSA":
        domain = algorithm.sequence()
        p, q, g = (shortest(domain.integer()) for _ in range(3))
        y = shortest(der.Reader(octets).integer())
        size = int.from_bytes(q, "big").bit_length()
        return PublicKey(kind, "", size, {"pub": y, "P": p, "Q": q, "G": g}, octets)
    return PublicKey(kind, "", len(octets) * 8, {}, octets)


def shortest(number: int) -> bytes:
    """A number without leading zeros. Raises DerError for a negative one."""
    if number < 0:
        raise der.DerError("a number is negative where none can be")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
