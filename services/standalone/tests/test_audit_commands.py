"""`newel audit`: what was changed in the trail is found, and what is asked for is shown."""

import bz2
import fcntl
import gzip
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from newel.standalone.audit.command import main

Lines = list[bytes]


def make_line(number: int, **facts: object) -> bytes:
    line = {
        "time": f"2026-12-01T08:{number // 60:02}:{number % 60:02}.000+00:00",
        "service": "signer" if number % 2 else "registration",
        "event": "sign",
        "outcome": "granted",
        **facts,
    }
    return json.dumps(line).encode() + b"\n"


LINES = [make_line(number, subject=f"{number:04x}") for number in range(120)]


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """A state whose trail of 120 lines has checkpoints after 50 and 100 of them, of which 20 were rotated away."""
    state = tmp_path / "state"
    (state / "log").mkdir(parents=True)
    for count in (50, 100):
        (state / "log/audit.log").write_bytes(b"".join(LINES[:count]))
        assert main(["checkpoint", str(tmp_path / "kept"), "--state", str(state)]) == 0
    write(state, LINES)
    return state


def write(state: Path, lines: Lines, rotated: tuple[int, int] = (10, 20)) -> None:
    """Write a trail of two rotated files, the oldest compressed, and the current one."""
    first, second = rotated
    with gzip.open(state / "log/audit.log.2.gz", "wb") as oldest:
        oldest.write(b"".join(lines[:first]))
    (state / "log/audit.log.1").write_bytes(b"".join(lines[first:second]))
    (state / "log/audit.log").write_bytes(b"".join(lines[second:]))


def verify(state: Path, *more: str) -> int:
    return main(["verify", str(state.parent / "kept"), "--state", str(state), *more])


def test_a_trail_is_the_same_after_it_was_rotated(
    trail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(trail) == 0
    said = capsys.readouterr().out
    assert "The trail is as 2 checkpoints say" in said
    assert "; 20 lines after that are in none yet." in said
    with (trail / "log/audit.log").open("ab") as file:
        file.write(b'{"time": "half a li')  # it is being written
    assert verify(trail) == 0


CHANGES: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "the head removed": (lambda lines: lines[1:], "lines before it were removed or added"),
    "a line in the middle removed": (
        lambda lines: lines[:70] + lines[71:],
        "a line of it was changed, removed or added",
    ),
    "the tail removed": (lambda lines: lines[:99], "lines were removed"),
    "everything removed": (lambda _: [], "lines were removed"),
    "one line changed": (
        lambda lines: [*lines[:30], lines[30].replace(b"granted", b"refused"), *lines[31:]],
        "a line of it was changed",
    ),
    "two lines exchanged": (
        lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
        "a line of it was changed",
    ),
    "a fork: another history after the first checkpoint": (
        lambda lines: lines[:50] + [make_line(number, subject="ffff") for number in range(50, 120)],
        "checkpoint 2",
    ),
    "written again from the first line to the last": (
        lambda lines: [make_line(number, subject="eeee") for number in range(len(lines))],
        "checkpoint 1",
    ),
    "a line put before": (lambda lines: [make_line(0, subject="dddd"), *lines], "checkpoint 1"),
}


@pytest.mark.attack("X11")
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_before_a_checkpoint_is_found(
    trail: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    alter, says = CHANGES[change]
    write(trail, alter(LINES))
    assert verify(trail) == 1
    said = capsys.readouterr().out
    assert says in said
    assert said.count("\n") == 1
    before = (trail.parent / "kept").read_bytes()
    assert main(["checkpoint", str(trail.parent / "kept"), "--state", str(trail)]) == 1
    assert (trail.parent / "kept").read_bytes() == before


@pytest.mark.attack("X11")
def test_checkpoints_that_were_changed_are_found(
    trail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = trail.parent / "kept"
    first, second = kept.read_bytes().splitlines(keepends=True)
    head = hashlib.sha256(second.rstrip()).hexdigest()
    assert verify(trail, "--head", head) == 0
    for content in (second, second + first, first + second.replace(b'"lines":50', b'"lines":49')):
        kept.write_bytes(content)
        assert verify(trail) in (1, 2)
    kept.write_bytes(first.replace(b"T", b"t", 1) + second)
    assert verify(trail) == 2
    assert "does not follow the one before it" in capsys.readouterr().err
    kept.write_bytes(first)  # the last one removed: its hash was written down apart
    assert verify(trail) == 0
    assert verify(trail, "--head", head) == 1
    assert "is not the one of --head" in capsys.readouterr().out


def test_files_that_were_removed_on_purpose_are_left_out(
    trail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(trail, LINES, (30, 50))
    (trail / "log/audit.log.2.gz").unlink()
    assert verify(trail) == 1
    assert verify(trail, "--first", "2") == 0
    assert "as 1 checkpoints say" in capsys.readouterr().out
    assert verify(trail, "--first", "3") == 2
    assert verify(trail, "--first", "0") == 2


def grep(state: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Lines:
    capsys.readouterr()
    assert main(["grep", "--state", str(state), *words]) == 0
    return capsys.readouterr().out.encode().splitlines(keepends=True)


def test_lines_are_found_over_rotated_files(
    trail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grep(trail, capsys) == LINES
    times = ("--since", "2026-12-01T08:00:05Z", "--until", "2026-12-01T09:00:25+01:00")
    assert grep(trail, capsys, *times) == LINES[5:25]
    assert grep(trail, capsys, *times, "--service", "signer") == LINES[5:25:2]
    assert grep(trail, capsys, "--subject", "000A") == [LINES[10]]
    named = make_line(
        121, event="acme.finalize", names=["a.example"], request_id="r1", outcome="refused"
    )
    write(trail, [*LINES, named])
    for words in (
        ("--event", "acme.*"),
        ("--outcome", "refused"),
        ("--request-id", "r1"),
        ("--subject", "A.EXAMPLE"),
    ):
        assert grep(trail, capsys, *words) == [named]
    assert main(["grep", "--state", str(trail), "--event", "revoke"]) == 1
    for words in (("--service", "*"), ("--request-id", "r?"), ("--outcome", "re*")):
        assert main(["grep", "--state", str(trail), *words]) == 1, words  # no patterns there
    assert main(["grep", "--state", str(trail), "--since", "1s"]) in (0, 1)  # by the clock


def test_a_line_that_is_no_json_is_told(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(trail, [*LINES[:15], b"\x00garbage\n", b"[]\n", *LINES[15:]])
    assert main(["grep", "--state", str(trail), "--subject", "0003"]) == 0
    said = capsys.readouterr()
    assert f"{trail}/log/audit.log.1:6: this line is no JSON object" in said.err
    assert "2 such lines in all" in said.err


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("audit.log.1.zst", ["grep"], "it is not known whether this is a part of the trail"),
        ("audit.log-20261201", ["grep"], "rotated by number and by date"),
        ("", ["grep", "--since", "yesterday"], "is neither a time"),
        ("", ["grep", "--file", "{state}/none"], "no such file"),
        ("", ["verify", "{state}/none"], "no such file"),
        ("", ["verify", "{state}/log/audit.log"], "log/audit.log:1: this is no checkpoint"),
        ("audit.log.3.gz", ["grep"], "it is not whole"),
        ("audit.log.1.gz", ["verify", "{state}/../kept"], "are the same part twice"),
    ],
)
def test_what_cannot_be_read_is_no_answer(
    trail: Path, name: str, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name:
        whole = gzip.compress(b"".join(LINES))
        (trail / "log" / name).write_bytes(whole[:-10])
    given = [word.format(state=trail) for word in words]
    assert main([*given, "--state", str(trail)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("newel audit: ")
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_a_damaged_file_is_no_forged_trail(
    trail: Path,
    suffix: str,
    pack: Callable[[bytes], bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    packed = bytearray(pack(b"".join(LINES[:10])))
    packed[10:60] = bytes(50)
    (trail / "log/audit.log.2.gz").unlink()
    (trail / f"log/audit.log.2.{suffix}").write_bytes(packed)
    assert verify(trail) == 2
    assert f"audit.log.2.{suffix}: it is not whole" in capsys.readouterr().err


def test_one_at_a_time_adds_a_checkpoint(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = trail.parent / "kept"
    before = kept.read_bytes()
    with kept.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert main(["checkpoint", str(kept), "--state", str(trail)]) == 2
        assert "another 'newel audit checkpoint' is at work" in capsys.readouterr().err
    assert kept.read_bytes() == before
    kept.write_bytes(before.rstrip())
    assert main(["checkpoint", str(kept), "--state", str(trail)]) == 2
    assert "its last line has no end" in capsys.readouterr().err


def test_no_checkpoint_is_of_a_trail_that_was_rotated_meanwhile(
    trail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, kept = trail / "log", trail.parent / "kept"
    (log / "audit.log.2.gz").unlink()
    os.mkfifo(log / "audit.log.2")

    def rotate() -> None:
        with (log / "audit.log.2").open("wb") as first:  # once it is read
            (log / "audit.log").rename(log / "later")
            (log / "audit.log").write_bytes(make_line(121))
            first.write(b"".join(LINES[:10]))

    before = kept.read_bytes()
    for words in (["checkpoint", str(kept)], ["verify", str(kept)], ["grep"]):
        writer = threading.Thread(target=rotate, daemon=True)
        writer.start()
        assert main([*words, "--state", str(trail)]) == 2
        writer.join()
        (log / "later").rename(log / "audit.log")
        assert "was rotated while it was read: try again" in capsys.readouterr().err
    assert kept.read_bytes() == before
