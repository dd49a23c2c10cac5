"""`newel crypto rand`: random strings."""

import secrets
import string
import sys
import uuid
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoRandOptions


ALPHABETS = {
    "ascii": "".join(chr(code) for code in range(33, 127)),
    "alphanumeric": string.digits + string.ascii_uppercase + string.ascii_lowercase,
    "alphabet": string.ascii_uppercase + string.ascii_lowercase,
    "hex": "0123456789abcdef",
    "hexadecimal": "0123456789abcdef",
    "dec": string.digits,
    "decimal": string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
}
DEFAULT_LENGTHS = {"dice": 6, "die": 6, "prime": 2048}
WORDS = 6
LONGEST, LONGEST_PRIME = 1 << 24, 16384


def run(options: "CryptoRandOptions") -> None:
    """Print one random string of the format and length that were asked for."""
    given = options.positionals(0, 1)
    kind = options.format or "ascii"
    length = length_of(given[0]) if given else DEFAULT_LENGTHS.get(kind, 32)
    if dictionary := options.dictionary:
        options.exclusive("dictionary", "format")
        print(passphrase(dictionary, length_of(given[0]) if given else WORDS))
    elif kind == "uuid":
        print(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    elif kind == "raw":
        sys.stdout.buffer.write(secrets.token_bytes(length))
        sys.stdout.flush()
    elif kind in {"die", "dice"}:
        print("".join(str(secrets.randbelow(6) + 1) for _ in range(length)))
    elif kind == "prime":
        print(prime(length))
    elif kind == "emoji":
        from newel.cli.render.emoji import symbols

        print("".join(secrets.choice(symbols()) for _ in range(length)))
    elif kind in ALPHABETS:
        print("".join(secrets.choice(ALPHABETS[kind]) for _ in range(length)))
    else:
        raise UsageError(f"invalid value '{kind}' for flag '--format'")


def length_of(text: str) -> int:
    """Return the positional length."""
    if not text.lstrip("-").isdigit():
        raise UsageError(f'positional argument <length> "{text}" is not a number')
    length = int(text)
    if length <= 0:
        raise UsageError(f'positional argument <length> "{text}" must be greater than 0')
    if length > LONGEST:
        raise UsageError(f'positional argument <length> "{text}" must be at most {LONGEST}')
    return length


def passphrase(dictionary: str, count: int) -> str:
    """Return words of a file, one per line, joined by hyphens."""
    words = [line.strip() for line in read(dictionary).decode(errors="replace").splitlines()]
    words = [word for word in words if word]
    if len(words) < 2:
        raise CliError(f"{dictionary} has no words to choose from")
    return "-".join(secrets.choice(words) for _ in range(count))


def prime(bits: int) -> int:
    """Return a probable prime with exactly this many bits, its two highest set."""
    if not 2 <= bits <= LONGEST_PRIME:
        raise UsageError(f"a prime has between 2 and {LONGEST_PRIME} bits")
    top = 3 << (bits - 2)
    while True:
        candidate = secrets.randbits(bits) | top | (1 if bits > 2 else 0)
        if is_prime(candidate):
            return candidate


def is_prime(candidate: int, rounds: int = 40) -> bool:
    """Miller-Rabin with random bases after division by small primes."""
    for small in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47):
        if candidate % small == 0:
            return candidate == small
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        power = pow(secrets.randbelow(candidate - 3) + 2, odd, candidate)
        if power in {1, candidate - 1}:
            continue
        for _ in range(twos - 1):
            power = power * power % candidate
            if power == candidate - 1:
                break
        else:
            return False
    return True
