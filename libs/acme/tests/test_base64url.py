"""base64url as RFC 7515 §2 has it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.acme import base64url
from newel.acme.problems import AcmeError


@given(st.binary(max_size=80))
def test_round_trip_and_agreement_with_the_standard_library(octets: bytes) -> None:
    text = base64url.encode(octets)
    assert text == base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    assert base64url.decode(text) == octets


@pytest.mark.parametrize(
    "text", ["YQ==", "YQ=", "Y", "YR", "YWJ=", "a+b/", "YW Jj", "YWJj\n", "YWé"]
)
def test_everything_but_the_one_canonical_text_is_malformed(text: str) -> None:
    with pytest.raises(AcmeError) as caught:
        base64url.decode(text)
    assert caught.value.name == "malformed"
