"""What watches Newel is true: every metric that rules and dashboard name is one a service has, and promtool
takes the rules and sees them fire."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from newel.alerting.metrics import Metrics as AlertingMetrics
from newel.inventory.metrics import Metrics as InventoryMetrics
from newel.issuing.metrics import Metrics as IssuingMetrics
from newel.registration.metrics import Metrics as RegistrationMetrics
from newel.runtime.audit_log import watch_sink
from newel.runtime.background import Supervisor
from newel.runtime.clock import SystemClock
from newel.runtime.events.metrics import EventMetrics
from newel.runtime.line_sink import LineSink
from newel.runtime.metrics import HTTPMetrics
from newel.runtime.rpc.peers import Peers
from newel.signer.metrics import Metrics as SignerMetrics
from newel.validation.metrics import Metrics as ValidationMetrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"
RUNBOOK = ROOT / "docs/runbooks/alerts.md"

_NAME = re.compile(r"\bnewel_[a-z0-9_]+")


@pytest.fixture(scope="module")
def samples() -> set[str]:
    """Every sample name that the services' lists of metrics can give."""
    registry = CollectorRegistry()
    for metrics in (
        AlertingMetrics,
        InventoryMetrics,
        IssuingMetrics,
        RegistrationMetrics,
        SignerMetrics,
        ValidationMetrics,
        HTTPMetrics,
        Supervisor,
    ):
        metrics(registry)
    EventMetrics(registry, SystemClock())
    Peers(registry)
    watch_sink(LineSink(sys.stdout.fileno()), registry)
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return {
        family.name + suffix for family in registry.collect() for suffix in suffixes[family.type]
    }


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load(RULES.read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def test_every_metric_of_the_rules_exists(samples: set[str]) -> None:
    named = {name for rule in rules() for name in _NAME.findall(rule["expr"])}
    assert named
    assert named <= samples


def test_every_metric_of_the_dashboard_exists(samples: set[str]) -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    named = {name for expression in expressions for name in _NAME.findall(expression)}
    assert len(named) > 20
    assert named <= samples
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_rule_says_what_to_do() -> None:
    sections = set(re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE))
    names = [rule["alert"] for rule in rules()]
    assert sorted(sections) == sorted(names), "one section for each rule, and no other"
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"].endswith("#" + rule["alert"].lower())


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
def test_the_dashboard_s_expressions_are_promql(tmp_path: Path) -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    recorded = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions)
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
