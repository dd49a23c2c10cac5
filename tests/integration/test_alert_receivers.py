"""Alerts at a real Alertmanager and a real rsyslog."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.alert_messages import HOSTILE, message, send
from fixtures.processes import accepts, free_port, wait_until
from newel.alerting.config import Alertmanager, Syslog
from newel.alerting.notices import Phase

_RSYSLOG = """
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="all")
template(name="fields" type="list" option.jsonf="on") {{
  property(outname="app" name="app-name" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="origin" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
ruleset(name="all") {{
  action(type="omfile" file="{file}" template="fields")
}}
"""


@contextmanager
def serve(*command: str | Path, port: int) -> Generator[None]:
    """A program while the block runs."""
    with subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: accepts(port), f"{command[0]} listens", 60)
            yield
        finally:
            process.terminate()


@pytest.mark.needs("prometheus-alertmanager")
async def test_alertmanager_shows_an_alert_until_it_is_resolved(tmp_path: Path) -> None:
    file, port = tmp_path / "alertmanager.yml", free_port()
    file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    url = f"http://127.0.0.1:{port}"

    def active() -> list[dict[str, Any]]:
        return httpx.get(f"{url}/api/v2/alerts", params={"active": "true"}, timeout=60).json()

    command = (
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    with serve(*command, port=port):
        config = Alertmanager(kind="alertmanager", url=f"{url}/")
        await send(config, message(HOSTILE))
        (alert,) = active()
        assert alert["labels"]["alertname"] == "NewelCertificate"
        assert alert["labels"]["severity"] == "warning"
        assert "about to expire" in alert["annotations"]["summary"]
        await send(config, message(HOSTILE, Phase.RESOLVED))
        assert active() == []


@pytest.mark.needs("rsyslogd")
@pytest.mark.parametrize("form", ["text", "cef", "ecs", "ocsf"])
async def test_rsyslog_reads_every_part_of_a_record(tmp_path: Path, form: Any) -> None:
    file, port, settings = tmp_path / "log", free_port(), tmp_path / "rsyslog.conf"
    settings.write_text(_RSYSLOG.format(port=port, file=file))
    pid = tmp_path / "pid"
    with serve("rsyslogd", "-n", "-f", settings, "-i", pid, port=port):
        config = Syslog(kind="syslog", host="127.0.0.1", port=port, transport="tcp", format=form)
        await send(config, message("müller.example"))
        wait_until(lambda: file.exists() and file.read_text().endswith("\n"), "a record", 60)
    record = json.loads(file.read_text())
    assert (record["app"], record["host"], record["id"]) == ("newel", "newel", "opened")
    assert record["severity"] == "warning"
    assert 'software="newel"' in record["origin"]
    assert "müller.example" in record["text"]
