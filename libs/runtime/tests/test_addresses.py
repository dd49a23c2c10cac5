"""Addresses as people write them, and errors of the system as people read them."""

import socket

import pytest

from newel.runtime.http.addresses import Address, parse_address, resolve
from newel.runtime.http.listener import bind
from newel.runtime.system_errors import describe


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9443", "127.0.0.1", 9443),
        (":9443", "", 9443),
        ("localhost:9443", "localhost", 9443),
        ("localhost", "localhost", 9000),
        ("10.1.2.3", "10.1.2.3", 9000),
        ("[::1]:9443", "::1", 9443),
        ("[::1]", "::1", 9000),
        ("::1", "::1", 9000),
        (" ca.example:0 ", "ca.example", 0),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, host: str, port: int) -> None:
    address = parse_address(text, 9000)
    assert address == Address(host, port)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", ":", "9000", "host:", "host:-1", "host:65536", "host:٣", "[::1", "[host]:1", "a:b:1"],
)
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"write HOST:|is not a port"):
        parse_address(text)


def test_a_name_leads_to_ipv4_first_and_an_unknown_one_is_named() -> None:
    assert resolve("localhost") == (socket.AF_INET, "127.0.0.1")
    with pytest.raises(OSError, match=r"the name unknown\.invalid cannot be resolved"):
        resolve("unknown.invalid")


def test_a_listener_takes_a_name_and_says_which_address_is_taken() -> None:
    with bind("localhost:0") as first:
        taken = f"localhost:{first.getsockname()[1]}"
        first.listen()
        with pytest.raises(OSError, match=f"cannot listen on {taken}: address already in use"):
            bind(taken)


def test_an_error_of_the_system_is_described_without_its_number() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        open("/nowhere/at/all")  # noqa: PTH123, SIM115 - it is the error that is looked at
    assert describe(caught.value) == "/nowhere/at/all: no such file or directory"
    assert describe(OSError("in words already")) == "in words already"
