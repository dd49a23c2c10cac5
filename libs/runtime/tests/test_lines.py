"""Logs and audit lines: whole, in order, bounded, and never silently lost."""

import datetime as dt
import errno
import json
import logging
import os
from pathlib import Path

import pytest

from newel.runtime import audit_log
from newel.runtime.audit_log import AuditLog
from newel.runtime.clock import ManualClock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.line_sink import LineSink
from newel.runtime.logs import JSONHandler
from newel.runtime.request_id import reset_request

CLOCK = ManualClock(dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))


async def test_an_audit_line_says_who_decided_what_and_why(tmp_path: Path) -> None:
    reset_request()  # an earlier test of this process may have left an id in the context
    sink = LineSink.open(tmp_path / "logs/audit.log")
    AuditLog("issuing", CLOCK, sink).record(
        "issue", "refused", cause="key is weak", serial=b"\x01\xff"
    )
    sink.close()
    file = tmp_path / "logs/audit.log"
    assert json.loads(file.read_text()) == {
        "time": "2026-01-02T03:04:05.000+00:00",
        "service": "issuing",
        "event": "issue",
        "outcome": "refused",
        "cause": "key is weak",
        "serial": "01ff",
    }
    assert file.stat().st_mode & 0o777 == 0o600


async def test_lines_of_one_turn_share_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    writes: list[bytes] = []
    real = os.write

    def count_writes(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", count_writes)
    sink = LineSink.open(tmp_path / "log")
    for number in range(5):
        sink.write(b"%d\n" % number)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert writes == [b"0\n1\n2\n3\n4\n"]
    sink.close()


def test_a_full_disk_keeps_lines_then_refuses_decisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = LineSink.open(tmp_path / "log")
    real = os.write

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(audit_log, "MOST_ORDINARY", 300)
    audit = AuditLog("issuing", CLOCK, sink)
    audit.record("issue", "granted")
    assert sink.is_stuck
    with pytest.raises(NewelError) as refused:
        for _ in range(10):
            audit.record("issue", "granted")
    assert refused.value.type is ErrorType.UNAVAILABLE
    monkeypatch.setattr(os, "write", real)
    audit.record("issue", "granted again")
    sink.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in lines][-1] == "granted again"
    assert len(lines) >= 3


def test_a_log_line_carries_its_extras_and_exception(tmp_path: Path) -> None:
    sink = LineSink.open(tmp_path / "log")
    logger = logging.Logger("newel.test")  # noqa: LOG001 - apart from the process's own
    logger.addHandler(JSONHandler(CLOCK, sink))
    try:
        int("broken")
    except ValueError:
        logger.exception("it failed", extra={"key": "intermediate"})
    sink.close()
    line = json.loads((tmp_path / "log").read_text())
    assert (line["message"], line["level"], line["key"]) == ("it failed", "error", "intermediate")
    assert "ValueError: invalid literal" in line["exception"]
