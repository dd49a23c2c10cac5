"""The index of a long list, held against the library's reading of the same list."""

import contextlib
import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newel.crypto import crl, der
from newel.crypto.crl_index import CRLIndex
from newel.crypto.loading import CertificateError

THIS = dt.datetime(2026, 11, 21, 12, 0, 0, tzinfo=dt.UTC)
NEXT = THIS + dt.timedelta(days=1)
SERIALS = st.integers(min_value=1, max_value=2**159 - 1)
ENTRIES = st.dictionaries(
    SERIALS,
    st.tuples(
        st.integers(min_value=0, max_value=2**32), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 9, 10])
    ),
    max_size=8,
)


def make_list(pki: Any, *entries: bytes) -> x509.CertificateRevocationList:
    encoder = crl.CRLEncoder(pki.issuer.certificate)
    return x509.load_der_x509_crl(encoder.assemble(encoder.tbs(1, THIS, NEXT, entries), b"s"))


def octets(serial: int) -> bytes:
    return serial.to_bytes((serial.bit_length() + 7) // 8, "big")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(entries=ENTRIES, other=SERIALS)
def test_every_entry_is_found_and_nothing_else(
    pki: Any, entries: dict[int, tuple[int, int]], other: int
) -> None:
    index = CRLIndex(make_list(pki, *(crl.crl_entry(each, *entries[each]) for each in entries)))
    assert len(index) == len(entries)
    for serial, said in entries.items():
        assert index.find(octets(serial)) == said
    assert (index.find(octets(other)) is not None) == (other in entries)


def test_a_list_without_entries_has_none(pki: Any) -> None:
    assert CRLIndex(make_list(pki)).find(b"\x05") is None


def entry(*extensions: bytes, at: bytes = der.time(THIS)) -> bytes:
    listed = der.sequence(*extensions) if extensions else b""
    return der.sequence(der.integer(5), at, listed)


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = der.boolean(value=True) if critical else b""
    return der.sequence(der.oid(oid), flag, der.octet_string(value))


def test_extensions_of_an_entry_that_are_not_needed_are_skipped(pki: Any) -> None:
    """An invalidityDate (RFC 5280 §5.3.2), and more octets than a length of one octet can say."""
    found = CRLIndex(
        make_list(
            pki,
            entry(
                extension("2.5.29.24", der.generalized_time(THIS)),
                extension("1.2.3", der.octet_string(b"x" * 300)),
                extension("2.5.29.21", der.enum_value(4)),
            ),
        )
    ).find(b"\x05")
    assert found == (int(THIS.timestamp()), 4)


@pytest.mark.parametrize("reason", [7, 8, 11])
def test_a_reason_that_cannot_be_leaves_the_certificate_revoked(pki: Any, reason: int) -> None:
    reasoned = entry(extension("2.5.29.21", der.enum_value(reason)))
    assert CRLIndex(make_list(pki, reasoned)).find(b"\x05") == (int(THIS.timestamp()), 0)


@pytest.mark.parametrize(
    "bad",
    [
        entry(extension("2.5.29.29", b"\x30\x00", critical=True)),  # another certificateIssuer
        entry(at=der.tlv(der.UTC_TIME, b"2611211200Z")),
        entry(at=der.tlv(der.GENERALIZED_TIME, b"20261121120000+0100")),
    ],
)
def test_an_entry_that_cannot_be_understood_says_nothing(pki: Any, bad: bytes) -> None:
    class UnreadableList:
        """What the library would not load."""

        tbs_certlist_bytes = crl.CRLEncoder(pki.issuer.certificate).tbs(1, THIS, NEXT, [bad])

    with pytest.raises(CertificateError, match="entry"):
        CRLIndex(UnreadableList()).find(b"\x05")  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_mutated_entries_are_read_or_refused(pki: Any, data: st.DataObject) -> None:
    whole = bytearray(crl.CRLEncoder(pki.issuer.certificate).tbs(1, THIS, NEXT, [entry()] * 3))
    at = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    whole[at] = data.draw(st.integers(min_value=0, max_value=255))

    class UnreadableList:
        """What the library would not load."""

        tbs_certlist_bytes = bytes(whole)

    with contextlib.suppress(CertificateError):
        CRLIndex(UnreadableList()).find(b"\x05")  # type: ignore[arg-type]
