"""A serial number is taken however another program or list wrote it."""

import pytest

from newel.cli.commands.ca.revoke import serial_of
from newel.cli.commands.revoke import read_serial
from newel.cli.errors import UsageError
from newel.cli.operations.inventory.questions import serial_number, serial_numbers

HEX = "01a22af143c6fcf158505ad991448324aaa9"
DECIMAL = str(int(HEX, 16))
COLONED = ":".join(HEX[at : at + 2] for at in range(0, len(HEX), 2)).upper()


@pytest.mark.parametrize("word", [HEX, HEX.upper(), f"0x{HEX}", COLONED, DECIMAL, HEX.lstrip("0")])
def test_both_commands_take_every_spelling(word: str) -> None:
    assert serial_number(word) == HEX
    assert serial_of(word) == DECIMAL


def test_digits_alone_may_be_both_and_are_hexadecimal_to_the_catalogue_first() -> None:
    assert serial_numbers("123456") == ["123456", "01e240"]
    assert serial_of("123456") == "123456"


def test_prefixes_name_other_bases_as_before() -> None:
    assert serial_of("0b101") == "5"
    assert serial_of("0o17") == "15"


@pytest.mark.parametrize(
    "word", ["abc", "", "-5", "12g4", "0xzz", "٣٤", "1" * 60, "ab:cd:zz:00:11"]
)
def test_what_is_no_serial_number_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        serial_of(word)
    if word != "abc":
        with pytest.raises(UsageError):
            serial_number(word)


@pytest.mark.parametrize("word", ["0", "00", "0x0", "0" * 40, "-1", "+1", "1_0", "\u0661", ""])
def test_what_no_certificate_has_is_no_serial_number(word: str) -> None:
    for read in (serial_number, serial_of):
        with pytest.raises(UsageError):
            read(word)


def test_a_short_number_that_may_be_two_certificates_is_not_revoked_by_a_guess() -> None:
    with pytest.raises(UsageError, match="hexadecimal or decimal") as refused:
        read_serial("10")
    assert refused.value.hint == "Write 0x10, or 0xa for the decimal number."
    assert read_serial("0x10") == ["10"]
    assert read_serial("0xa") == ["0a"]
    assert read_serial("7") == ["07", "07"]
    assert len(read_serial("12345678")) == 2
