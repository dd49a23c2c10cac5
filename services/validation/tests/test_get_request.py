"""The forms in which clients and proxies leave an OCSP request in the path of a GET."""

import base64
from urllib.parse import quote

import pytest

from newel.crypto import der
from newel.validation.get_request import MAX_PATH, decode_requests

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
        base64.urlsafe_b64encode(REQUEST).decode(),  # the alphabet of URLs
        base64.urlsafe_b64encode(REQUEST).decode().rstrip("="),
        quote(f"{TEXT[:8]}\n{TEXT[8:16]}\r\n{TEXT[16:]}\n", safe=""),  # lines
        f"{TEXT[:8]}%0A{TEXT[8:]}",
        quote(f"{TEXT[:8]} {TEXT[8:]}", safe=""),  # lines, joined by spaces
        TEXT.replace("+", "%20"),  # a plus sign read as a space
        TEXT + "/",
        TEXT.rstrip("=") + "//",
        quote(TEXT, safe="") + "/",
        quote(quote(TEXT, safe=""), safe=""),  # escaped by the client and by a proxy
        quote(quote(quote(TEXT, safe=""), safe=""), safe=""),
        "/" + quote(quote(TEXT + "\n", safe=""), safe="/") + "/",
        " " + TEXT + " ",
    ],
)
def test_every_form_yields_the_request(path: str) -> None:
    assert decode_requests(path.encode()) == [REQUEST]


@pytest.mark.parametrize("more", ["", "/", "//"])
def test_a_slash_at_the_end_that_is_the_requests_own_stays(more: str) -> None:
    own = der.sequence(der.octet_string(b"\x00\xff"))
    spelled = base64.b64encode(own).decode()
    assert spelled.endswith("/")
    assert decode_requests(f"{spelled}{more}".encode()) == [own]


@pytest.mark.attack("X07")
def test_a_collapsed_slash_is_put_back() -> None:
    der_with_one_pair = der.tlv(der.SEQUENCE, bytes.fromhex("04020000fbefbeffff3c") + b"end")
    text = base64.b64encode(der_with_one_pair)
    assert text.count(b"//") == 1
    assert der_with_one_pair in decode_requests(text.replace(b"//", b"/"))


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
        TEXT.replace("+", "*").encode(),  # no alphabet
        quote(quote(quote(quote(TEXT, safe=""), safe=""), safe=""), safe="").encode(),
        b"%25" * 1300,
        b"A" * (MAX_PATH + 1),
    ],
)
def test_what_is_no_request_yields_none(path: bytes) -> None:
    assert decode_requests(path) == []
