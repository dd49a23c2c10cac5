"""An audit trail that cannot be written: nothing is issued, revocations go on longest, nothing is lost."""

import json
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from newel.runtime import audit_log
from newel.runtime.audit_log import AuditLog, require_written, watch_sink
from newel.runtime.clock import SystemClock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.line_sink import LineSink

FULL = Path("/dev/full")
"""A device that is out of space."""

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


def stuck(file: Path) -> tuple[LineSink, AuditLog]:
    """A trail whose disk is full: its file is the full device."""
    file.symlink_to(FULL)
    sink = LineSink.open(file)
    audit = AuditLog("issuing", SystemClock(), sink)
    audit.require_writable()
    audit.record("issue", "granted")
    assert sink.is_stuck
    return sink, audit


def make_room(sink: LineSink, file: Path) -> None:
    """The same name leads to a file on a disk with room."""
    file.unlink()
    file.touch()
    sink.reopen()


def test_nothing_is_issued_once_lines_have_waited_for_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "audit.log"
    sink, audit = stuck(file)
    audit.require_writable()  # within the bound
    monkeypatch.setattr(audit_log, "LONGEST_STUCK", 0.0)
    with pytest.raises(NewelError, match="cannot be written") as refused:
        audit.require_writable()
    assert refused.value.type is ErrorType.UNAVAILABLE
    assert "No space left" in refused.value.cause
    make_room(sink, file)
    audit.require_writable()
    sink.close()
    assert [json.loads(line)["outcome"] for line in file.read_text().splitlines()] == ["granted"]


def test_nothing_is_issued_once_much_waits(tmp_path: Path) -> None:
    sink, audit = stuck(tmp_path / "audit.log")
    for _ in range(audit_log.MOST_STUCK // 64):
        audit.record("issue", "granted")
    with pytest.raises(NewelError):
        audit.require_writable()
    os.close(sink._descriptor)  # pyright: ignore[reportPrivateUsage]


def test_revocations_are_taken_longest_and_statuses_next(tmp_path: Path) -> None:
    sink, audit = stuck(tmp_path / "audit.log")
    text = "x" * 100_000

    def fill(event: str, **facts: str) -> None:
        with pytest.raises(NewelError) as refused:
            while True:
                audit.record(event, "granted", text=text, **facts)
        assert refused.value.type is ErrorType.UNAVAILABLE

    fill("issue")
    audit.record("sign", "granted", text=text, statement="ocsp")
    fill("sign", statement="ocsp")
    audit.record("acme.revoke-cert", "granted", text=text)
    fill("revoke")
    assert sink.backlog <= 16 * 1024 * 1024
    os.close(sink._descriptor)  # pyright: ignore[reportPrivateUsage]


def test_readiness_and_a_metric_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "LONGEST_STUCK", 0.0)
    file = tmp_path / "audit.log"
    registry = CollectorRegistry()
    sink, _ = stuck(file)
    watch_sink(sink, registry)
    assert (registry.get_sample_value("newel_audit_stuck_seconds") or 0) > 0
    with pytest.raises(NewelError):
        require_written(sink)
    make_room(sink, file)
    require_written(sink)
    assert registry.get_sample_value("newel_audit_stuck_seconds") == 0
    sink.close()


def test_a_file_that_was_rotated_is_opened_again(tmp_path: Path) -> None:
    file, old = tmp_path / "audit.log", tmp_path / "audit.log.1"
    sink = LineSink.open(file)
    sink.write(b"first\n")
    file.rename(old)
    sink.reopen()
    sink.write(b"second\n")
    assert old.read_text() == "first\n"
    assert file.read_text() == "second\n"
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    sink.reopen()
    sink.write(b"third\n")
    assert file.read_text() == "third\n"
    sink.close()


def test_half_a_line_of_a_killed_process_does_not_swallow_the_next(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_bytes(b'{"whole": 1}\n{"ha')
    sink = LineSink.open(file)
    sink.write(b'{"next": 1}\n')
    sink.close()
    assert file.read_text().splitlines() == ['{"whole": 1}', '{"ha', '{"next": 1}']
