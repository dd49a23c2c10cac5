"""The quality of public keys: known weak keys are never certified.

NIST SP 800-89 §5.3.3 (RSA), CVE-2017-15361 (ROCA), RFC 5480 (curves), RFC 7748 §6 and RFC 8032
(points of low order). Possession of the private key is proved elsewhere, by a signature.
"""

import enum
import functools
import hashlib
import math
from collections.abc import Container
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from newel.crypto import keys

RSA_CAP = 8192
_MIN_EXPONENT, _MAX_EXPONENT = 65537, 1 << 256
_FERMAT_ROUNDS = 100
_SQUARES_MOD_16 = frozenset({0, 1, 4, 9})
_SMALL_PRIME_LIMIT = 10_000
_ROCA_PRIME_LIMIT = 167

_P25519 = 2**255 - 19
_SIGN_BIT = 1 << 255
# y of the points of order 1, 2, 4 and, twice, 8
_LOW_ORDER = frozenset(
    {
        0,
        1,
        _P25519 - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)
# SubjectPublicKeyInfo of the named curves, up to and with the 04 of an uncompressed point
_CURVE_PREFIXES = {
    "secp256r1": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    "secp384r1": bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"),
    "secp521r1": bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004"),
}
_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")


class Weakness(enum.StrEnum):
    """The rules, with stable names for audit and metrics."""

    BLOCKED = "blocked"
    ENCODING = "encoding"
    CURVE = "curve"
    LOW_ORDER = "low order point"
    RSA_SIZE = "RSA size"
    RSA_EXPONENT = "RSA exponent"
    RSA_SMALL_FACTOR = "RSA small factor"
    RSA_CLOSE_PRIMES = "RSA close primes"
    ROCA = "ROCA"


class WeakKey(ValueError):  # noqa: N818 - it names the finding
    """The key must not be certified; ``rule`` says why."""

    def __init__(self, rule: Weakness, detail: str = "") -> None:
        super().__init__(f"the public key is refused ({rule}){': ' if detail else ''}{detail}")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class KeyRules:
    """The sizes a policy allows; RSA never above 8192 bits."""

    rsa_min: int = 2048
    rsa_max: int = 4096

    def __post_init__(self) -> None:
        if not 2048 <= self.rsa_min <= self.rsa_max <= RSA_CAP:
            raise ValueError(f"RSA sizes must lie between 2048 and {RSA_CAP}")


DEFAULT = KeyRules()


def digest(spki: bytes) -> bytes:
    """Hash a SubjectPublicKeyInfo with SHA-256, as blocked keys are listed."""
    return hashlib.sha256(spki).digest()


def check_public_key(
    spki: bytes,
    public_key: keys.PublicKey | None = None,
    *,
    blocked: Container[bytes] = (),
    rules: KeyRules = DEFAULT,
) -> keys.PublicKey:
    """Check the quality of a DER SubjectPublicKeyInfo and return its key. Raises :class:`WeakKey`.

    ``public_key`` saves the parsing if the caller has it already; it must be the key in ``spki``.
    ``blocked`` holds :func:`digest` values. Raises :class:`keys.InvalidKeyError` for octets that are no
    key, such as a point off its curve or at infinity.
    """
    key = public_key or keys.load_public_key(spki)
    if blocked and digest(spki) in blocked:
        raise WeakKey(Weakness.BLOCKED)
    if isinstance(key, ec.EllipticCurvePublicKey):
        _check_curve(spki, key)
    elif isinstance(key, rsa.RSAPublicKey):
        if keys.spki(key) != spki:
            raise WeakKey(Weakness.ENCODING)
        numbers = key.public_numbers()
        check_rsa(numbers.n, numbers.e, rules)
    else:
        _check_ed25519(spki)
    return key


def _check_curve(spki: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Check for a listed named curve and an uncompressed point; loading checked that it is on the curve.

    These curves have prime order, so that there are no points of low order but infinity.
    """
    prefix = _CURVE_PREFIXES.get(key.curve.name)
    if prefix is None:
        raise WeakKey(Weakness.CURVE, key.curve.name)
    if not spki.startswith(prefix) or len(spki) != len(prefix) + 2 * ((key.key_size + 7) // 8):
        raise WeakKey(Weakness.ENCODING)


def _check_ed25519(spki: bytes) -> None:
    if not spki.startswith(_ED25519_PREFIX) or len(spki) != len(_ED25519_PREFIX) + 32:
        raise WeakKey(Weakness.ENCODING)
    y = int.from_bytes(spki[len(_ED25519_PREFIX) :], "little") & ~_SIGN_BIT
    if y >= _P25519:
        raise WeakKey(Weakness.ENCODING)
    if y in _LOW_ORDER:
        raise WeakKey(Weakness.LOW_ORDER)


def check_rsa(modulus: int, exponent: int, rules: KeyRules = DEFAULT) -> None:
    """Apply the RSA rules to numbers. Raises :class:`WeakKey`."""
    size = modulus.bit_length()
    if not rules.rsa_min <= size <= rules.rsa_max or size % 8:
        raise WeakKey(Weakness.RSA_SIZE, f"{size} bits")
    if not _MIN_EXPONENT <= exponent < _MAX_EXPONENT or exponent % 2 == 0:
        raise WeakKey(Weakness.RSA_EXPONENT)
    if math.gcd(modulus, _small_primes_product()) != 1:
        raise WeakKey(Weakness.RSA_SMALL_FACTOR)
    if _has_roca_fingerprint(modulus):
        raise WeakKey(Weakness.ROCA)
    if _has_close_primes(modulus):
        raise WeakKey(Weakness.RSA_CLOSE_PRIMES)


def _has_close_primes(modulus: int) -> bool:
    """Find close primes as Fermat did: n = a² - b² with a just above the square root."""
    a = math.isqrt(modulus)
    a += a * a < modulus
    for _ in range(_FERMAT_ROUNDS):
        remainder = a * a - modulus
        if remainder & 15 in _SQUARES_MOD_16 and math.isqrt(remainder) ** 2 == remainder:
            return True
        a += 1
    return False


def _has_roca_fingerprint(modulus: int) -> bool:
    """Recognize the flawed generator: its moduli are powers of 65537 modulo every small prime."""
    return all(modulus % prime in powers for prime, powers in _roca_powers())


@functools.cache
def _roca_powers() -> tuple[tuple[int, frozenset[int]], ...]:
    return tuple(
        (prime, frozenset(pow(65537, power, prime) for power in range(prime)))
        for prime in _primes(_ROCA_PRIME_LIMIT)
        if prime > 2
    )


@functools.cache
def _small_primes_product() -> int:
    return math.prod(_primes(_SMALL_PRIME_LIMIT))


def _primes(limit: int) -> list[int]:
    sieve = bytearray([1]) * (limit + 1)
    for number in range(2, math.isqrt(limit) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(sieve[number * number :: number]))
    return [number for number in range(2, limit + 1) if sieve[number]]
