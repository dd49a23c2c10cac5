"""X07: the forms in which clients and proxies leave an OCSP request in the path of a GET."""

import base64
from urllib.parse import quote

import pytest

from newel.crypto import der
from newel.validation.get_request import LONGEST_PATH, requests_in

# its base64 holds "+", "//" and needs padding
REQUEST = der.tlv(der.SEQUENCE, bytes.fromhex("04020000fbefbeffffffffffff00") + b"end")
TEXT = base64.b64encode(REQUEST).decode()


def test_the_sample_is_as_hard_as_it_should_be() -> None:
    assert "+" in TEXT
    assert "//" in TEXT
    assert TEXT.endswith("=")


@pytest.mark.attack("X07")
@pytest.mark.parametrize(
    "path",
    [
        quote(TEXT, safe=""),  # as the RFC says
        quote(TEXT, safe="").replace("%2F", "%2f"),
        TEXT,  # raw
        TEXT.rstrip("="),  # no padding
        "/" + TEXT,  # a base URL with a slash too many
        "//" + quote(TEXT, safe="/"),
        quote(TEXT, safe="+/").rstrip("="),
    ],
)
def test_every_form_yields_the_request(path: str) -> None:
    assert requests_in(path.encode()) == [REQUEST]


@pytest.mark.attack("X07")
def test_a_collapsed_slash_is_put_back() -> None:
    der_with_one_pair = der.tlv(der.SEQUENCE, bytes.fromhex("04020000fbefbeffff3c") + b"end")
    text = base64.b64encode(der_with_one_pair)
    assert text.count(b"//") == 1
    assert der_with_one_pair in requests_in(text.replace(b"//", b"/"))


@pytest.mark.attack("X07")
@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"%",
        b"not base64!",
        b"AAAA",  # base64, no SEQUENCE
        base64.b64encode(der.sequence(b"a request") + b"trailing"),
        base64.b64encode(der.sequence(b"a request")[:-1]),
        base64.urlsafe_b64encode(REQUEST),  # another alphabet
        b"A" * (LONGEST_PATH + 1),
    ],
)
def test_what_is_no_request_yields_none(path: bytes) -> None:
    assert requests_in(path) == []
