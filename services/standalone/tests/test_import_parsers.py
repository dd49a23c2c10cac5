"""What step-ca stored, read for an import: exports, connection strings and JSON values, whole or broken."""

import asyncio
import base64
import datetime as dt
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.standalone.takeover import source as tables
from newel.standalone.takeover import values
from newel.standalone.takeover.export_file import ExportFile
from newel.standalone.takeover.importer import Part, join
from newel.standalone.takeover.mysql import Target, parse_dsn
from newel.standalone.takeover.report import LABELS, describe
from newel.standalone.takeover.source import Entry, SourceError

HEADER = {"format": "step-ca-export", "version": 1, "order": "length"}


def encode(
    rows: Sequence[tuple[str, bytes, bytes]], order: str = "length", end: int | None = None
) -> str:
    lines: list[dict[str, Any]] = [{**HEADER, "order": order}]
    lines += [
        {
            "table": table,
            "key": base64.b64encode(key).decode(),
            "value": base64.b64encode(value).decode(),
        }
        for table, key, value in rows
    ]
    lines.append({"end": len(rows) if end is None else end})
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


async def collect(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


def test_an_export_is_read_table_by_table(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text(encode([("a", b"1", b"x"), ("b", b"2", b""), ("a", b"10", b"y")]))
    source = ExportFile(file)
    assert asyncio.run(source.count("a")) == 2
    assert asyncio.run(source.count("c")) == 0
    assert asyncio.run(collect(source.rows("a"))) == [Entry(b"1", b"x"), Entry(b"10", b"y")]
    assert source.sort_key(b"9") < source.sort_key(b"10")
    file.write_text(encode([], order="octets"))
    assert ExportFile(file).sort_key(b"10") < ExportFile(file).sort_key(b"9")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is not an export; 'newel import --write-exporter DIR'"),
        ('{"table":"a"}\n', "it is not an export"),
        (json.dumps({**HEADER, "version": 2}) + "\n", "it is not an export"),
        (encode([("a", b"1", b"")])[:-20], "e.jsonl: "),
        (encode([("a", b"1", b"")], end=2), "the export is not whole"),
        (json.dumps(HEADER) + "\n", "the export is not whole"),
        (encode([]) + '{"table":"a"}\n', "line 3: there is more after the end"),
        (json.dumps(HEADER) + '\n{"table":"a","key":"?","value":""}\n', "line 2: no base64"),
        (json.dumps(HEADER) + '\n{"table":1}\n', "line 2: "),
    ],
)
def test_a_file_that_is_no_whole_export_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text(text)
    with pytest.raises(SourceError, match=r".") as refused:
        ExportFile(file)
    assert says in str(refused.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none: no such file or directory"):
        ExportFile(tmp_path / "none")


@given(
    st.dictionaries(st.binary(min_size=1, max_size=3), st.booleans(), max_size=20), st.booleans()
)
def test_rows_are_joined_by_key_in_either_order(keys: dict[bytes, bool], by_length: bool) -> None:
    def order(key: bytes) -> bytes:
        return len(key).to_bytes(2, "little") + key if by_length else key

    async def each(rows: Sequence[bytes]) -> AsyncIterator[Entry]:
        for key in sorted(rows, key=order):
            yield Entry(key, b"!" + key)

    joined = asyncio.run(
        collect(join(each([*keys]), each([key for key, both in keys.items() if both]), order))
    )
    assert {row.key: other for row, other in joined} == {
        key: b"!" + key if both else None for key, both in keys.items()
    }


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("u:p@tcp(h:1)/d", Target("u", "p", "h", 1, "", "d")),
        ("u:p@ss:w@tcp(h)/d?tls=true", Target("u", "p@ss:w", "h", 3306, "", "d")),
        ("u@tcp([2001:db8::1]:3)/", Target("u", "", "2001:db8::1", 3, "", "")),
        ("u@unix(/run/m.sock)/d", Target("u", "", "", 0, "/run/m.sock", "d")),
        ("/d", Target("root", "", "127.0.0.1", 3306, "", "d")),
    ],
)
def test_a_connection_string_of_mysql_is_that_of_ca_json(text: str, target: Target) -> None:
    assert parse_dsn(text) == target


@pytest.mark.parametrize("text", ["", "mysql://h/d", "u@udp(h)/d", "u@tcp(h:x)/d"])
def test_another_connection_string_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="MySQL: "):
        parse_dsn(text)


REVOKED = {
    "Serial": "5", "ProvisionerID": "acme/acme", "ReasonCode": 4, "Reason": "gone",
    "RevokedAt": "2026-11-30T12:36:56.123456789+02:00", "ExpiresAt": "0001-01-01T00:00:00Z",
}  # fmt: skip # a table
ACCOUNT = {
    "id": "a" * 32, "key": {"kty": "EC"}, "status": "valid", "provisionerName": "acme",
    "createdAt": "2026-11-30T12:36:56Z", "deactivatedAt": "0001-01-01T00:00:00Z",
}  # fmt: skip # a table
KEY = {
    "id": "k", "provisionerID": "p-1", "reference": "r", "key": "AAEC", "createdAt": "2026-11-30T12:36:56Z",
    "boundAt": "0001-01-01T00:00:00Z",
}  # fmt: skip # a table


def octets(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_revocation_is_read() -> None:
    found = values.read_revocation(octets(REVOKED))
    assert (found.serial, found.reason, found.not_after) == (5, 4, None)
    assert found.revoked_at == dt.datetime(2026, 11, 30, 10, 36, 56, 123456, dt.UTC)


def test_an_account_is_read_with_its_provisioner() -> None:
    assert values.read_account(octets(ACCOUNT)).provisioner == "acme"
    old = {**ACCOUNT, "provisionerName": "", "provisionerID": "acme/other"}
    assert values.read_account(octets(old)).provisioner == "other"


def test_an_external_key_is_read_with_its_provisioners_name() -> None:
    assert values.read_external_key(octets(KEY), {"p-1": "web"}).provisioner == "web"
    found = values.read_external_key(octets({**KEY, "provisionerID": "acme/acme"}), {})
    assert (found.provisioner, found.mac_key, found.bound_at) == ("acme", b"\0\1\2", None)


TOKEN_ID = hashlib.sha256(b"aws/AWS.i-0abcdef1234567890").hexdigest().encode()
MACHINE = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/VM"


def as_token(claims: object) -> bytes:
    return b"e30." + base64.urlsafe_b64encode(octets(claims)).rstrip(b"=") + b".c2ln"


@pytest.mark.parametrize(
    ("claims", "key"),
    [
        ({"amazon": {"document": "x", "signature": "y"}}, bytes.fromhex(TOKEN_ID.decode())[:24]),
        ({"google": {"compute_engine": {}}}, bytes.fromhex(TOKEN_ID.decode())[:24]),
        ({"xms_mirid": MACHINE}, hashlib.sha256(f"azure.{MACHINE.lower()}".encode()).digest()[:24]),
        ({"google": {}}, None),
        ({"sub": "foo", "jti": TOKEN_ID.decode()}, None),
    ],
)
def test_the_first_use_of_an_instance_is_read_from_its_token_or_its_claims(
    claims: object, key: bytes | None
) -> None:
    assert values.read_first_use(TOKEN_ID, as_token(claims)) == key
    assert values.read_first_use(TOKEN_ID, octets(claims)) == key


def test_hosts_of_ssh_are_read_until_their_certificates_end() -> None:
    read = values.read_host
    assert read(b"db1.example", b'{"Serial":"7","Expiry":1800000000}') == (
        "db1.example",
        1800000000,
    )
    assert read(b"h", b'{"Serial":"7","Expiry":18446744073709551615}') == ("h", 2**63 - 1)
    for name, value in (
        (b"", b'{"Expiry":1}'),
        (b"a\nb", b'{"Expiry":1}'),
        (b"h", b"7"),
        (b"\xff", b"{}"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - of several decoders
            read(name, value)


def read_first_use(data: bytes) -> object:
    return values.read_first_use(b"id", data)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (read_first_use, {"amazon": {}}),
        (read_first_use, {"amazon": 1}),
        (read_first_use, []),
        (values.read_revocation, {**REVOKED, "Serial": "0x5"}),
        (values.read_revocation, {**REVOKED, "Serial": "9" * 61}),
        (values.read_revocation, {**REVOKED, "RevokedAt": ""}),
        (values.read_revocation, {**REVOKED, "RevokedAt": "yesterday"}),
        (values.read_revocation, []),
        (values.read_account, {**ACCOUNT, "provisionerName": ""}),
        (values.read_account, {**ACCOUNT, "key": 1}),
        (values.read_account, {**ACCOUNT, "createdAt": "0001-01-01T00:00:00Z"}),
        (values.read_acme_certificate, {"accountID": "a", "leaf": ""}),
        (values.read_acme_certificate, {"accountID": "a", "leaf": "AAAA"}),
        (values.read_name, {"id": 1}),
    ],
)
def test_a_value_that_is_wrong_is_a_value_error(read: Any, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(octets(value))


def read_external_key(data: bytes) -> object:
    return values.read_external_key(data, {})


def read_certificate(data: bytes) -> object:
    return values.read_certificate(data, data)


READERS: list[Callable[[bytes], object]] = [
    values.read_revocation, values.read_account, values.read_acme_certificate, values.read_name,
    read_external_key, read_certificate, read_first_use,
]  # fmt: skip # a list


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_are_a_value_error(data: bytes) -> None:
    for read in READERS:
        try:
            read(data)
        except ValueError:
            continue


def test_the_report_has_a_line_for_every_table_that_is_taken_over() -> None:
    (line,) = describe([Part(tables.SSH_HOSTS, rows=2, new=2)], dry_run=False)
    assert line == "SSH hosts: 2 read, 2 imported"
    assert LABELS.keys().isdisjoint(tables.LEFT_OUT)


def test_the_report_has_counts_and_the_first_of_what_is_left_out() -> None:
    part = Part("x509_certs", rows=6, new=1, known=1)
    for name in "abcd":
        part.leave_out(name, "why")
    other = Part("ssh_users", rows=2)
    other.leave_out("", "not yet")
    assert [*describe([part, other], dry_run=True)] == [
        "certificates: 6 read, 1 would be imported, 1 already there",
        "certificates: 4 left out: why (a, b, c)",
        "ssh_users: 1 left out: not yet",
    ]
