"""Weak keys are refused, each for its own reason."""

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.crypto import der, keys, quality
from newel.crypto.quality import Weakness

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ED25519 = bytes.fromhex("302a300506032b6570032100")


def rule_of(spki: bytes, **options: object) -> Weakness:
    with pytest.raises(quality.WeakKey) as refusal:
        quality.check_public_key(spki, **options)  # pyright: ignore[reportArgumentType] - by name
    assert str(refusal.value.rule) in str(refusal.value)
    return refusal.value.rule


def rsa_rule(modulus: int, exponent: int = 65537) -> Weakness:
    with pytest.raises(quality.WeakKey) as refusal:
        quality.check_rsa(modulus, exponent)
    return refusal.value.rule


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "Ed25519"])
def test_good_keys_pass(kind: str) -> None:
    key = keys.generate(kind).public_key()
    spki = keys.spki(key)
    assert quality.check_public_key(spki) == key
    assert quality.check_public_key(spki, key, blocked={b"another"}) is key


@pytest.mark.attack("X13")
def test_blocked_keys_are_refused() -> None:
    spki = keys.spki(keys.generate().public_key())
    assert rule_of(spki, blocked={quality.digest(spki)}) is Weakness.BLOCKED


@pytest.mark.attack("A09")
@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.SECP192R1(), ec.BrainpoolP256R1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve).public_key()
    assert rule_of(keys.spki(key)) is Weakness.CURVE


@pytest.mark.attack("A09")
def test_a_compressed_point_is_refused() -> None:
    spki = keys.spki(keys.generate().public_key())
    algorithm = der.children(der.only(spki).content)[0].raw
    point = keys.subject_public_key(spki)
    compressed = bytes((2 + point[-1] % 2,)) + point[1:33]
    assert rule_of(der.sequence(algorithm, der.bit_string(compressed))) is Weakness.ENCODING


@pytest.mark.attack("A09")
@pytest.mark.parametrize("point", [b"\x00", b"\x04" + bytes(64), b"\x04" + b"\x05" * 64])
def test_points_at_infinity_and_off_the_curve_are_no_keys(point: bytes) -> None:
    spki = keys.spki(keys.generate().public_key())
    algorithm = der.children(der.only(spki).content)[0].raw
    with pytest.raises(keys.InvalidKeyError):
        quality.check_public_key(der.sequence(algorithm, der.bit_string(point)))


def edwards_sum(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P
    return x, y


def points_of_low_order() -> set[int]:
    """y of the eight points of order dividing 8, found from one of order 8."""
    root = pow(2, (P - 1) // 4, P)  # of -1
    # a point of order 8 doubles to one with y = 0; there x² = ±root-of-one, solve -x² + y² = 1 + dx²y²
    for y in _order_8_candidates(root):
        x_squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        x = pow(x_squared, (P + 3) // 8, P)
        x = x if x * x % P == x_squared else x * root % P
        point, found = (x, y), {y}
        for _ in range(7):
            point = edwards_sum(point, (x, y))
            found.add(point[1])
        if point == (0, 1):
            return found
    raise AssertionError


def _order_8_candidates(root: int) -> list[int]:
    """Doubling gives y = 0 exactly where x² = -y²; then y² solves d·t² + 2t - 1 = 0 up to sign."""
    candidates: list[int] = []
    discriminant = pow(1 + D, (P + 3) // 8, P)
    for factor in (1, root):
        square = discriminant * factor % P
        if square * square % P != (1 + D) % P:
            continue
        for sign in (1, -1):
            t = (-1 + sign * square) * pow(D, -1, P) % P
            y = pow(t, (P + 3) // 8, P)
            candidates += [c for c in (y, y * root % P) if c * c % P == t]
    return candidates


@pytest.mark.attack("A09")
def test_points_of_low_order_are_refused() -> None:
    found = points_of_low_order()
    assert len(found) == 5
    for y in found:
        for sign in (0, 1 << 255):
            spki = ED25519 + (y | sign).to_bytes(32, "little")
            assert rule_of(spki) is Weakness.LOW_ORDER


@pytest.mark.attack("A09")
@pytest.mark.parametrize("y", [P, P + 1, 2**255 - 1])
def test_points_with_a_second_spelling_are_refused(y: int) -> None:
    assert rule_of(ED25519 + y.to_bytes(32, "little")) is Weakness.ENCODING


@pytest.mark.attack("A09")
def test_keys_in_an_unusual_encoding_are_refused() -> None:
    """The same RSA key without the NULL of its algorithm; an Ed25519 key with one."""
    rsa_key = keys.spki(keys.generate("RSA-2048").public_key())
    bits = der.bit_string(keys.subject_public_key(rsa_key))
    bare = der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1")), bits)
    assert rule_of(bare) is Weakness.ENCODING
    point = der.bit_string(bytes(range(32)))
    with_null = der.sequence(der.sequence(der.oid("1.3.101.112"), b"\x05\x00"), point)
    with pytest.raises((keys.InvalidKeyError, quality.WeakKey)):
        quality.check_public_key(with_null)


@pytest.mark.attack("A09")
def test_rsa_sizes_and_exponents_are_bounded() -> None:
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    quality.check_rsa(modulus, 65537)
    for exponent in (1, 3, 65536, 65535, 1 << 256, (1 << 256) + 1):
        assert rsa_rule(modulus, exponent) is Weakness.RSA_EXPONENT
    for size in (1024, 2047, 4097, 8192):
        assert rsa_rule((1 << size - 1) + 1) is Weakness.RSA_SIZE
    with pytest.raises(ValueError, match="8192"):
        quality.KeyRules(rsa_max=16384)
    with pytest.raises(ValueError, match="8192"):
        quality.KeyRules(rsa_min=1024)


@pytest.mark.attack("A09")
@pytest.mark.parametrize("factor", [2, 3, 5, 751, 9973])
def test_rsa_moduli_with_a_small_factor_are_refused(factor: int) -> None:
    modulus = (1 << 2047) // factor * factor + factor
    assert modulus.bit_length() == 2048
    assert rsa_rule(modulus) is Weakness.RSA_SMALL_FACTOR


def is_probably_prime(number: int) -> bool:
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7))


def next_prime(number: int) -> int:
    number |= 1
    while not is_probably_prime(number):
        number += 2
    return number


@pytest.mark.attack("A09")
def test_rsa_moduli_of_close_primes_are_refused() -> None:
    low = next_prime((3 << 1022) + 12345)
    for high in (next_prime(low + 2), next_prime(low + (1 << 500)), low):
        assert rsa_rule(low * high) is Weakness.RSA_CLOSE_PRIMES


@pytest.mark.attack("A09")
def test_moduli_of_the_roca_generator_are_refused() -> None:
    """Primes k·M + 65537^a mod M, as CVE-2017-15361 made them; 1024 bits each."""
    product = math.prod(p for p in range(2, 168) if all(p % q for q in range(2, p)))
    factors: list[int] = []
    for power, multiple in ((12345, 3 << 1022), (54321, 7 << 1021)):
        k = multiple // product
        while not is_probably_prime(k * product + pow(65537, power, product)):
            k += 1
        factors.append(k * product + pow(65537, power, product))
    assert rsa_rule(factors[0] * factors[1]) is Weakness.ROCA


@settings(max_examples=3, deadline=None)
@given(st.just(2048))
def test_generated_moduli_pass(size: int) -> None:
    numbers = rsa.generate_private_key(65537, size).public_key().public_numbers()
    quality.check_rsa(numbers.n, numbers.e)
