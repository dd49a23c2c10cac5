"""The kind of key that --kty, --crv and --size ask for, and a new key of that kind."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import UsageError

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey

CURVES = ("P-256", "P-384", "P-521")
SMALLEST_RSA, LARGEST_RSA = 2048, 16384


class KeyChoice(NamedTuple):
    """What to make: ``EC`` with a curve, ``RSA`` with its bits, ``OKP`` (Ed25519)."""

    kty: str
    crv: str
    size: int


class KeyOptions(NamedTuple):
    """What a command was told about the key it makes."""

    kty: str | None = None
    crv: str | None = None
    size: int | None = None
    insecure: bool = False
    """Whether a key may be weak."""
    settled: Collection[str] = ()
    """Which of ``kty``, ``crv`` and ``size`` were said and are not a flag's own default."""


def choose(options: KeyOptions) -> KeyChoice:
    """Return the kind of key that the options ask for; P-256 when they say nothing. Raises UsageError."""
    kty, crv = options.kty or "EC", options.crv or ""
    if "kty" not in options.settled:
        for flag, spelled in (("crv", "curve"), ("size", "size")):
            if flag in options.settled:
                raise UsageError(f"flag '--{spelled}' requires the '--kty' flag")
    if kty == "RSA":
        if "crv" in options.settled:
            raise UsageError("flag '--curve' is incompatible with '--kty RSA'")
        return KeyChoice("RSA", "", rsa_size(options.size, insecure=options.insecure))
    if kty not in {"EC", "OKP"}:
        raise UsageError(f"invalid value '{kty}' for flag '--kty'; options are RSA, EC, OKP")
    if "size" in options.settled:
        raise UsageError(f"flag '--size' is incompatible with '--kty {kty}'")
    curves = CURVES if kty == "EC" else ("Ed25519",)
    crv = crv or curves[0]
    if crv not in curves:
        raise UsageError(
            f"flag '--kty {kty}' is incompatible with flag '--curve {crv}'\n\n"
            f"  Option(s): --curve {', '.join(curves)}"
        )
    return KeyChoice(kty, crv, 0)


def rsa_size(size: int | None, *, insecure: bool) -> int:
    """Return the bits of an RSA key, 2048 unless said otherwise. Raises UsageError."""
    if size is None:
        return SMALLEST_RSA
    if size < SMALLEST_RSA and not insecure:
        raise UsageError(
            f"flag '--size' requires at least {SMALLEST_RSA} unless '--insecure' flag is provided"
        )
    if size <= 0:
        raise UsageError("flag '--size' must be greater than or equal to 0")
    if size > LARGEST_RSA:
        raise UsageError(f"flag '--size' must be at most {LARGEST_RSA}")
    return size


def generate(choice: KeyChoice) -> "PrivateKey":
    """Return a new key of the kind."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if choice.kty == "RSA":
        try:
            return rsa.generate_private_key(65537, choice.size)
        except ValueError as error:
            raise UsageError(f"an RSA key of {choice.size} bits cannot be made: {error}") from None
    if choice.kty == "OKP":
        return ed25519.Ed25519PrivateKey.generate()
    curves = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
    return ec.generate_private_key(curves[choice.crv]())


def generate_octets(size: int) -> bytes:
    """Return a symmetric key of ``size`` letters and digits, which a person can copy."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    import secrets

    return "".join(secrets.choice(alphabet) for _ in range(size)).encode()
