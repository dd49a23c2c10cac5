"""The log for a person at a terminal: one line for each event, and nothing in it steers the terminal."""

import asyncio
import json
import logging
import os
import pty
import sys

import pytest

from newel.runtime import logs
from newel.runtime.clock import SystemClock
from newel.runtime.text_log import TextSink, render, render_common

ACCESS = {
    "time": "2026-11-30T05:33:05.480+00:00", "level": "info", "logger": "access", "service": "registration",
    "request_id": "d63f", "method": "GET", "path": "/sign", "status": 201, "size": 11, "duration_ms": 7.3,
    "protocol": "HTTP/1.1",    "remote_address": "127.0.0.1", "user_agent": "step",
}  # fmt: skip # a table


def test_a_request_is_a_line_a_person_can_read() -> None:
    assert render(ACCESS) == "05:33:05 info    GET /sign 201 7 ms from 127.0.0.1\n"


def test_a_request_is_a_line_of_the_common_log_format() -> None:
    line = render_common(ACCESS | {"path": '/a b"\n'})
    assert line == (
        "d63f 127.0.0.1 registration - 2026-11-30T05:33:05.480+00:00 7"
        ' "GET /a%20b%22%0A HTTP/1.1" 201 11\n'
    )


@pytest.mark.parametrize("path", ["/readyz", "/livez", "/health", "/metrics"])
def test_probes_that_went_well_are_left_out_and_others_are_not(path: str) -> None:
    assert render(ACCESS | {"path": path}) == ""
    assert f"GET {path} 503" in render(ACCESS | {"path": path, "status": 503})


def test_a_path_cannot_steer_the_terminal() -> None:
    line = render(ACCESS | {"path": "/\x1b[2J\r\nfaked \u202e"})
    assert line.count("\n") == 1
    assert line[:-1].isprintable()


def test_a_record_has_its_facts_and_a_fault_its_trace() -> None:
    line = render(
        {"time": "2026-11-30T05:33:05", "level": "error", "logger": "newel.x", "message": "it failed",
         "part": "reload", "exception": "Traceback\n  File \x1b[1m\nValueError: no"}
    )  # fmt: skip # a table
    assert line == (
        "05:33:05 error   newel.x: it failed part=reload\nTraceback\n  File \ufffd[1m\nValueError: no\n"
    )


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("text", " warning newel.test: hello who=me\n"),
        ("json", '{"time":"'),
        ("common", " warning newel.test: hello who=me\n"),
    ],
)
def test_the_form_is_chosen_for_the_whole_process(
    monkeypatch: pytest.MonkeyPatch, form: str, begins: str
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as lines:
        monkeypatch.setattr(sys, "stderr", stream)
        root = logging.getLogger()
        before = root.handlers, root.level
        try:
            sink = logs.configure(SystemClock(), form=form)
            logging.getLogger("newel.test").warning("hello", extra={"who": "me"})
            sink.flush()
        finally:
            root.handlers, root.level = before
        line = lines.readline()
    assert line.startswith(begins) if form == "json" else line.endswith(begins)


async def test_text_is_written_once_for_a_turn_of_the_loop() -> None:
    master, slave = pty.openpty()
    sink = TextSink(slave)
    sink.write(json.dumps(ACCESS).encode() + b"\n")
    sink.write(json.dumps(ACCESS | {"path": "/readyz", "status": 200}).encode() + b"\n")
    await asyncio.sleep(0)
    assert os.read(master, 1000).replace(b"\r\n", b"\n") == render(ACCESS).encode()
    os.close(slave)
    os.close(master)
