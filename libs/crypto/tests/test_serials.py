"""Serial numbers: RFC 5280 §4.1.2.2."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import serials

BEGIN, END = 1_100_000_000, 4_000_000_000  # 2004 to 2096


@pytest.mark.attack("X01")
@given(st.floats(BEGIN, END), st.binary(min_size=8, max_size=14))
def test_serials_are_positive_short_and_in_shortest_form(time: float, noise: bytes) -> None:
    serial = serials.new_serial(time, noise)
    assert 0 < serials.to_int(serial) < 1 << 159
    assert len(serial) <= 20
    assert serials.from_int(serials.to_int(serial)) == serial
    assert serial.endswith(noise)  # every random bit is there, unchanged


@pytest.mark.attack("X01")
def test_a_million_serials_of_one_instant_differ() -> None:
    noise = secrets.token_bytes(serials.RANDOM_OCTETS * 1_000_000)
    size = serials.RANDOM_OCTETS
    assert size * 8 >= 64
    made = {
        serials.new_serial(BEGIN, noise[start : start + size])
        for start in range(0, len(noise), size)
    }
    assert len(made) == 1_000_000


def test_serials_grow_with_time() -> None:
    noise = bytes(12)
    times = [BEGIN, BEGIN + 0.002, 2_199_023_255.6, 2_199_023_256, END]
    made = [serials.new_serial(time, noise) for time in times]
    assert made == sorted(made)


@pytest.mark.attack("X01")
@pytest.mark.parametrize("noise", [b"", bytes(7), bytes(15)])
def test_too_little_or_too_much_randomness_is_refused(noise: bytes) -> None:
    with pytest.raises(ValueError, match="random"):
        serials.new_serial(BEGIN, noise)


@pytest.mark.parametrize("time", [0.0, 100_000_000.0])
def test_a_clock_that_stands_at_its_epoch_is_refused(time: float) -> None:
    with pytest.raises(ValueError, match="serial"):
        serials.new_serial(time, bytes(12))


@pytest.mark.parametrize("serial", [b"", b"\x00", b"\x80", b"\x00\x01", bytes([1]) * 21])
def test_what_is_no_serial_is_refused(serial: bytes) -> None:
    with pytest.raises(ValueError, match="serial"):
        serials.check(serial)


@pytest.mark.parametrize("number", [0, -1, 1 << 159])
def test_numbers_that_are_no_serials_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="serial"):
        serials.from_int(number)


def test_a_high_bit_gets_its_zero_octet() -> None:
    assert serials.from_int(0x80) == b"\x00\x80"
    serials.check(b"\x00\x80")
