"""Serial numbers: RFC 5280 §4.1.2.2. Bytes everywhere: the content octets of the INTEGER."""

RANDOM_OCTETS = 12
MAX_OCTETS = 20

_TIME_OCTETS = 6
_MIN_RANDOM = 8


def new_serial(unix_time: float, random_bytes: bytes) -> bytes:
    """Make a serial number: six octets of milliseconds, then ``random_bytes``.

    Those are 8 to 14 octets; the caller draws :data:`RANDOM_OCTETS` from the system. The time in front
    keeps an index over serials local as it grows; it makes the first octet 1 for times from 2004 to
    2039 and less than 128 after, so that the number is positive without a padding octet, and every
    random bit is free.
    """
    if not _MIN_RANDOM <= len(random_bytes) <= MAX_OCTETS - _TIME_OCTETS:
        raise ValueError("a serial number takes 8 to 14 random octets")
    milliseconds = int(unix_time * 1000)
    serial = milliseconds.to_bytes(_TIME_OCTETS, "big") + random_bytes
    check(serial)
    return serial


def check(serial: bytes) -> None:
    """Raise ``ValueError`` unless these are the shortest octets of a positive number, 20 at most."""
    if not 1 <= len(serial) <= MAX_OCTETS:
        raise ValueError("a serial number has 1 to 20 octets")
    first = serial[0]
    if first >= 0x80 or (first == 0 and (len(serial) == 1 or serial[1] < 0x80)):
        raise ValueError("a serial number is positive and in its shortest form")


def to_int(serial: bytes) -> int:
    """Convert to a number."""
    return int.from_bytes(serial, "big")


def from_int(number: int) -> bytes:
    """Convert a positive number of at most 20 octets. Raises ``ValueError``."""
    if number <= 0:
        raise ValueError("a serial number is positive")
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    check(serial)
    return serial


def creation_time(serial: bytes) -> float:
    """Return when :func:`new_serial` made a serial, in seconds since 1970; meaningless for other serials."""
    return int.from_bytes(serial[:_TIME_OCTETS], "big") / 1000
