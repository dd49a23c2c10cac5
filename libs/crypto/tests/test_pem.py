import base64
import json
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import pem


@given(st.binary(min_size=1, max_size=300))
def test_blocks_read_back_and_equal_the_standard_library(octets: bytes) -> None:
    text = pem.encode(octets)
    assert pem.decode(text) == octets
    assert ssl.PEM_cert_to_DER_cert(text.decode()) == octets
    assert text.decode() == ssl.DER_cert_to_PEM_cert(octets)


def test_the_json_form_is_the_inside_of_a_json_string() -> None:
    octets = bytes(range(200))
    assert json.loads(b'"' + pem.encode_json(octets) + b'"') == pem.encode(octets).decode()


def test_a_chain_reads_back_in_order() -> None:
    assert pem.decode_all(b"\r\n" + pem.encode_all([b"one", b"two"])) == [b"one", b"two"]


def test_carriage_returns_and_trailing_blanks_are_accepted() -> None:
    text = pem.encode(b"octets").replace(b"\n", b" \r\n")
    assert pem.decode(text.replace(b" \r\n", b"\r")) == b"octets"
    assert pem.decode(text.replace(b"END CERTIFICATE----- ", b"END CERTIFICATE-----")) == b"octets"


GOOD = pem.encode(b"octets")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        GOOD + GOOD,
        b"prologue\n" + GOOD,
        GOOD + b"epilogue",
        GOOD.replace(b"END CERTIFICATE", b"END PUBLIC KEY"),
        GOOD.replace(b"CERTIFICATE", b"PUBLIC KEY"),
        GOOD[:-30],
        GOOD.replace(b"b", b"*"),
        pem.encode(b""),
        pem.encode(b"octet").replace(b"=", b""),
        b" " * (pem.MAX_SIZE + 1),
        base64.b64encode(b"octets"),
    ],
)
@pytest.mark.attack("P09")
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(pem.PEMError):
        pem.decode(text)


@pytest.mark.attack("P09")
def test_a_megabyte_without_an_end_is_refused_in_linear_time() -> None:
    with pytest.raises(pem.PEMError):
        pem.decode(b"-----BEGIN CERTIFICATE-----\n" * 30_000)
