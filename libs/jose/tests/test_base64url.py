"""base64url: one text for each octet string, and nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.jose import base64url
from newel.jose.errors import MalformedError


@given(st.binary(max_size=100))
def test_round_trip_as_the_standard_library_has_it(octets: bytes) -> None:
    text = base64url.encode(octets)
    assert text == base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    assert base64url.decode(text) == base64url.decode(text.encode()) == octets


@given(st.text(alphabet="AQgw_-+/= \n8é", max_size=8))
def test_only_the_one_text_is_accepted(text: str) -> None:
    try:
        octets = base64url.decode(text)
    except MalformedError:
        return
    assert base64url.encode(octets) == text


@pytest.mark.parametrize(
    "text",
    ["A", "AA==", "AB", "AAB", "A+AA", "A/AA", "AA AA", "AAAA\n", "é", "A\0AA", "\ud800", "="],
)
def test_everything_else_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError, match=r"^the nonce is not unpadded base64url$"):
        base64url.decode(text, "nonce")
