"""Metrics are for operators: on an address of their own, which is the loopback's unless told otherwise."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from fixtures.processes import free_block, free_port, wait_until
from fixtures.running import serve_newel
from newel.standalone.addresses import metrics_address


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except urllib.error.URLError:
        return 0, ""  # no one listens yet


@pytest.mark.attack("P07")
def test_the_public_address_has_no_metrics_and_each_worker_has_its_own(tmp_path: Path) -> None:
    http, metrics = free_port(), free_block(2)
    flags = ("--metrics-address", f"127.0.0.1:{metrics}", "--workers", "2")
    with serve_newel(tmp_path / "state", free_port(), http, *flags) as (authority, _):
        assert get(http, "/metrics")[0] == 404
        assert get(http, "/livez")[0] == 200
        for port in (metrics, metrics + 1):
            wait_until(lambda port=port: get(port, "/readyz")[0] == 200, "the worker to be ready")
            status, text = get(port, "/metrics")
            assert status == 200
            assert "newel_http_requests_total" in text
            assert "process_start_time_seconds" in text
            assert re.search(r'^newel_build_info\{.*version="', text, re.MULTILINE)
            assert "_created" not in text
        stored = json.loads((authority.state / "config/ca.json").read_text())
        assert stored["metricsAddress"] == f"127.0.0.1:{metrics}"


def test_where_the_metrics_are_when_nobody_says() -> None:
    assert metrics_address("", "0.0.0.0:9080", 0) == "127.0.0.1:9081"
    assert metrics_address("", "[::]:9080", 2) == "127.0.0.1:9083"
    assert metrics_address("", "", 0) == "127.0.0.1:9081"
    assert metrics_address("[::1]:7000", "0.0.0.0:9080", 1) == "[::1]:7001"
