import datetime as dt

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import der


@given(st.integers())
def test_integers_read_back(value: int) -> None:
    assert der.Reader(der.integer(value)).integer() == value


def test_integer_keeps_a_high_bit_positive() -> None:
    assert der.integer(128) == b"\x02\x02\x00\x80"
    assert der.integer(-128) == b"\x02\x01\x80"
    assert der.integer(0) == b"\x02\x01\x00"


@given(st.integers(min_value=0, max_value=70_000))
def test_any_length_reads_back(size: int) -> None:
    encoded = der.tlv(der.OCTET_STRING, bytes(size))
    assert der.only(encoded, der.OCTET_STRING).content == bytes(size)


@pytest.mark.parametrize(
    "text", ["1.2.840.113549.1.1.11", "2.5.29.17", "2.999.3", "0.9.2342", "1.0"]
)
def test_object_identifiers_read_back(text: str) -> None:
    encoded = der.oid(text)
    assert der.Reader(encoded).oid() == text
    assert x509.ObjectIdentifier(text).dotted_string == text


@pytest.mark.parametrize("text", ["", "1", "3.1", "1.40", "1..2", "1.-2", "1.2.٣", "a.b"])
def test_what_is_no_object_identifier_is_refused(text: str) -> None:
    with pytest.raises(der.DERError):
        der.oid(text)


@pytest.mark.parametrize("content", [b"", b"\x80\x01", b"\x2a\x80\x01", b"\x2a\x81"])
def test_malformed_object_identifiers_are_refused(content: bytes) -> None:
    with pytest.raises(der.DERError):
        der.decode_oid(content)


def test_times_change_form_in_2050() -> None:
    last = dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    assert der.time(last) == b"\x17\x0d491231235959Z"
    assert der.time(last + dt.timedelta(seconds=1)) == b"\x18\x0f20500101000000Z"


def test_times_are_written_in_utc() -> None:
    east = dt.timezone(dt.timedelta(hours=2))
    assert der.time(dt.datetime(2026, 1, 1, 1, 0, 0, tzinfo=east)) == b"\x17\x0d251231230000Z"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",  # indefinite length
        b"\x30\x81\x01\x00",  # long form where short is due
        b"\x30\x82\x00\x80" + bytes(128),  # a length octet too many
        b"\x30\x85\x00\x00\x00\x00\x01\x00",  # five length octets
        b"\x30\x02\x00",  # cut short
        b"\x3f\x81\x01\x00",  # a tag of several octets
        b"\x30\x00\x00",  # an octet left over
    ],
)
@pytest.mark.attack("P09")
def test_what_der_forbids_is_refused(octets: bytes) -> None:
    with pytest.raises(der.DERError):
        der.only(octets)


@pytest.mark.parametrize(
    "octets", [b"\x30", b"\x30\x01", b"\x30\x81\x01\x00", b"\x3f\x81\x01\x00", b"\x30\x80\x00\x00"]
)
@pytest.mark.attack("P09")
def test_children_are_as_strict(octets: bytes) -> None:
    for read in (der.children, der.split):
        with pytest.raises(der.DERError):
            read(der.integer(5) + octets)


@given(
    st.lists(st.tuples(st.sampled_from([2, 4, 0x30, 0x82]), st.binary(max_size=300)), max_size=5)
)
def test_the_three_ways_to_read_agree(made: list[tuple[int, bytes]]) -> None:
    run = b"".join(der.tlv(tag, content) for tag, content in made)
    reader = der.Reader(run)
    one_by_one: list[der.Element] = []
    while not reader.at_end:
        one_by_one.append(reader.read())
    assert der.children(run) == one_by_one
    assert der.split(run) == [each.raw for each in one_by_one]
    assert [der.content(each) for each in der.split(run)] == [each.content for each in one_by_one]


def test_what_is_entered_is_read_in_place() -> None:
    reader = der.Reader(der.sequence(der.integer(1)) + der.integer(2))
    assert reader.enter(der.SEQUENCE) == 3
    assert [reader.integer(), reader.integer()] == [1, 2]
    reader.end()
    with pytest.raises(der.DERError):
        der.Reader(der.integer(1)).enter(der.SEQUENCE)


@pytest.mark.parametrize("octets", [b"\x02\x00", b"\x02\x02\x00\x01", b"\x02\x02\xff\x80"])
def test_integers_not_in_shortest_form_are_refused(octets: bytes) -> None:
    with pytest.raises(der.DERError):
        der.Reader(octets).integer()


def test_a_boolean_is_exactly_true_or_false() -> None:
    assert der.Reader(der.boolean(value=True)).boolean()
    with pytest.raises(der.DERError):
        der.Reader(b"\x01\x01\x01").boolean()


def test_a_bit_string_of_part_octets_is_refused() -> None:
    assert der.Reader(der.bit_string(b"ab")).bit_string() == b"ab"
    with pytest.raises(der.DERError):
        der.Reader(der.bit_string(b"a", unused=1)).bit_string()


@pytest.mark.attack("P09")
@given(st.binary(max_size=200))
def test_arbitrary_octets_never_do_worse_than_an_error(octets: bytes) -> None:
    reader = der.Reader(octets)
    try:
        while not reader.at_end:
            assert reader.read().raw in octets
    except der.DERError:
        pass


ELEMENTS = st.lists(st.binary(max_size=300).map(der.octet_string)).map(b"".join)


@given(st.one_of(st.binary(max_size=200), ELEMENTS))
def test_splitting_takes_what_the_reader_takes(octets: bytes) -> None:
    def read() -> list[bytes]:
        reader, found = der.Reader(octets), list[bytes]()
        while not reader.at_end:
            found.append(reader.read().raw)
        return found

    try:
        expected = read()
    except der.DERError:
        with pytest.raises(der.DERError):
            der.split(octets)
    else:
        assert der.split(octets) == expected


@given(st.binary(max_size=70_000))
def test_the_content_of_an_element(octets: bytes) -> None:
    assert der.content(der.octet_string(octets)) == octets
