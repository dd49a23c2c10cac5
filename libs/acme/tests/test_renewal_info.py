"""Identifiers of certificates in renewal information (RFC 9773 §4.1)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.acme.problems import ACMEError
from newel.acme.renewal_info import CertificateID

_OF_THE_RFC = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_the_example_of_the_standard_is_read() -> None:
    found = CertificateID.parse(_OF_THE_RFC)
    assert found.key_identifier.hex(":").upper() == (
        "69:88:5B:6B:87:46:40:41:E1:B3:7B:84:7B:A0:AE:2C:DE:01:C8:D4"
    )
    assert found.serial == 0x87654321
    assert found.serial_octets == bytes.fromhex("87654321")
    assert str(found) == _OF_THE_RFC


@given(st.binary(min_size=1, max_size=64), st.integers(min_value=1, max_value=2**160 - 1))
def test_every_identifier_is_read_as_it_was_written(key: bytes, serial: int) -> None:
    written = CertificateID(key, serial)
    assert CertificateID.parse(str(written)) == written


@pytest.mark.attack("A20")
@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.",
        ".AIdlQyE",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ",  # without its leading zero the number is negative
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AAGHZUMh",  # a zero too many
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AA",  # serial number 0
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE=",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyF",  # bits that mean nothing
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE.x",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AI/lQyE",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ." + "A" * 100_000,
        "A" * 100_000 + ".AIdlQyE",
    ],
)
def test_no_other_spelling_is_an_identifier(text: str) -> None:
    with pytest.raises(ACMEError):
        CertificateID.parse(text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ACMEError):
        assert str(CertificateID.parse(text)) == text
