"""Serial numbers: RFC 5280 §4.1.2.2. Bytes everywhere: the content octets of the INTEGER."""

RANDOM_OCTETS = 12
MAX_OCTETS = 20

_TIME_OCTETS = 6
_MIN_RANDOM = 8


def new_serial(unix_time: float, random_bytes: bytes) -> bytes:
    """A serial number: six octets of milliseconds, then ``random_bytes`` (8 to 14 of them; the
    caller draws :data:`RANDOM_OCTETS` from the system).

    The time in front keeps an index over serials local as it grows; it makes the first octet 1 for
    times from 2004 to 2039 and below 128 for ever after, so that the number is positive with no
    octet to spare, and every random bit is free.
    """
    if not _MIN_RANDOM <= len(random_bytes) <= MAX_OCTETS - _TIME_OCTETS:
        raise ValueError("a serial number takes 8 to 14 random octets")
    milliseconds = int(unix_time * 1000)
    serial = milliseconds.to_bytes(_TIME_OCTETS, "big") + random_bytes
    check(serial)
    return serial


def check(serial: bytes) -> None:
    """Raises ``ValueError`` unless these are the shortest octets of a positive number, 20 at most."""
    if not 1 <= len(serial) <= MAX_OCTETS:
        raise ValueError("a serial number has 1 to 20 octets")
    first = serial[0]
    if first >= 0x80 or (first == 0 and (len(serial) == 1 or serial[1] < 0x80)):
        raise ValueError("a serial number is positive and in its shortest form")


def to_int(serial: bytes) -> int:
    """The number."""
    return int.from_bytes(serial, "big")


def from_int(number: int) -> bytes:
    """The octets of a positive number; raises ``ValueError`` for others and beyond 20 octets."""
    if number <= 0:
        raise ValueError("a serial number is positive")
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    check(serial)
    return serial


def made_at(serial: bytes) -> float:
    """When a serial of :func:`new_serial` was made, seconds since 1970; of others' serials, anything."""
    return int.from_bytes(serial[:_TIME_OCTETS], "big") / 1000
