"""Key revocation lists, as ssh-keygen reads them and as they are refused."""

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.crypto import keys
from newel.crypto.ssh import certificate_body, krl
from newel.crypto.ssh.certificate_body import Body
from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.crypto.ssh.wire import WireError

CA = keys.generate()
CA_KEY = wire_of(CA)
OTHER = wire_of(keys.generate())
LARGEST = 2**64 - 1


def certificate(folder: Path, serial: int) -> str:
    body = Body(
        wire_of(CA),
        serial,
        certificate_body.holder("user", "alice", ["alice"]),
        0,
        2**40,
        certificate_body.rights({}, {}),
    )
    file = folder / f"{serial}-cert.pub"
    file.write_bytes(write_line(body.sign(CA, b"n" * certificate_body.NONCE)))
    return str(file)


def find_revoked(folder: Path, data: bytes, serials: list[int]) -> set[int]:
    """Which of the certificates with these serial numbers ssh-keygen calls revoked."""
    (folder / "krl").write_bytes(data)
    files = [certificate(folder, each) for each in serials]
    done = subprocess.run(
        ["ssh-keygen", "-Q", "-f", str(folder / "krl"), *files],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(serials), done.stderr
    return {
        serial for serial, line in zip(serials, lines, strict=True) if line.endswith(": REVOKED")
    }


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize(
    "revoked",
    [
        pytest.param([7, 2**63, LARGEST], id="a list"),
        pytest.param([*range(1000, 1100)], id="a range"),
        pytest.param([*range(LARGEST - 50, LARGEST + 1)], id="a range to the end"),
        pytest.param([*range(1, 20_000, 3)], id="bitmaps"),
        pytest.param([*range(5, 90), *range(100, 900, 7), 2**40], id="all three"),
    ],
)
def test_ssh_keygen_finds_what_is_revoked(tmp_path: Path, revoked: list[int]) -> None:
    data = krl.encode(9, 1_700_000_000, {CA_KEY: revoked, OTHER: [55_555]})
    edges = {
        near
        for each in (*revoked[:3], *revoked[-3:], 94, 95, 55_555)
        for near in (each - 1, each, each + 1)
        if 0 < near <= LARGEST
    }
    assert find_revoked(tmp_path, data, sorted(edges)) == edges & set(revoked)
    assert krl.parse(data).version == 9


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("serials", [[], [5]])
def test_a_key_id_is_revoked_whatever_the_number(tmp_path: Path, serials: list[int]) -> None:
    """Every certificate here is alice's."""
    for names, expected in ((["alice", "bob"], {4, 5}), (["alic", "Alice", "é"], set(serials))):
        data = krl.encode(1, 0, {CA_KEY: serials}, key_ids=names)
        assert find_revoked(tmp_path, data, [4, 5]) == expected
        assert krl.parse(data).sections == 1 + bool(serials)


@pytest.mark.needs("ssh-keygen")
def test_a_serial_under_no_key_is_revoked_under_every_one(tmp_path: Path) -> None:
    assert find_revoked(tmp_path, krl.encode(1, 0, {krl.ANY_CA: [5]}), [4, 5]) == {5}


@pytest.mark.needs("ssh-keygen")
def test_an_empty_list_revokes_nothing(tmp_path: Path) -> None:
    data = krl.encode(1, 0, {CA_KEY: []})
    assert krl.parse(data).sections == 0
    assert find_revoked(tmp_path, data, [5]) == set()


def test_a_hundred_thousand_serials_take_eight_octets_each_at_most() -> None:
    spread = [1 + each * 0x9E3779B97F4A7C15 % LARGEST for each in range(100_000)]
    assert len(krl.encode(1, 0, {CA_KEY: spread})) < 8 * 100_000 + 300
    assert len(krl.encode(1, 0, {CA_KEY: range(1, 100_001)})) < 300
    assert len(krl.encode(1, 0, {CA_KEY: range(1, 200_001, 2)})) < 200_000 // 8 + 2000


@pytest.mark.parametrize("serial", [0, -1, 2**64])
def test_what_openssh_refuses_is_not_written(serial: int) -> None:
    with pytest.raises(ValueError, match="serial number"):
        krl.encode(1, 0, {CA_KEY: [serial]})


@settings(deadline=None)
@given(st.sets(st.integers(1, LARGEST) | st.integers(1, 3000)), st.integers(0, LARGEST))
def test_what_is_written_can_be_read(serials: set[int], version: int) -> None:
    found = krl.parse(krl.encode(version, 5, {CA_KEY: serials}, "of a test"))
    assert found == (version, 5, "of a test", bool(serials))


SAMPLE = krl.encode(3, 4, {CA_KEY: [*range(5, 90), *range(100, 900, 7), 2**40]}, "sample")


@settings(deadline=None)
@given(st.integers(0, len(SAMPLE) - 1))
def test_a_list_that_ends_early_is_refused(length: int) -> None:
    """Except where a section ends: the list before it is whole."""
    whole = krl.encode(3, 4, {}, "sample")
    if length != len(whole):
        with pytest.raises(WireError):
            krl.parse(SAMPLE[:length])


@settings(deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_a_changed_list_is_read_or_refused(place: int, change: int) -> None:
    changed = bytearray(SAMPLE)
    changed[place] ^= change
    with contextlib.suppress(WireError):
        krl.parse(bytes(changed))


@pytest.mark.parametrize("data", [b"", b"<html>", b"ssh-ed25519 AAAA", SAMPLE + b"\x07"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        krl.parse(data)
