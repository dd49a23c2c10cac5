"""The runbooks lead somewhere: every link, every anchor an alert names, every file and program they tell of."""

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
RUNBOOKS = REPOSITORY / "docs/runbooks"
PAGES = sorted(RUNBOOKS.glob("*.md"))


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_in_the_list() -> None:
    listed = (RUNBOOKS / "README.md").read_text()
    assert [
        page.name for page in PAGES if page.name != "README.md" and page.name not in listed
    ] == []


def test_every_alert_has_its_section() -> None:
    rules = yaml.safe_load((REPOSITORY / "deploy/prometheus/alerts.yml").read_text())
    named = [
        rule["annotations"]["runbook"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert named
    for runbook in named:
        path, _, anchor = runbook.partition("#")
        assert anchor in anchors(REPOSITORY / path), runbook


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_alerts_and_configurations_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    alerts = (REPOSITORY / "deploy/prometheus/alerts.yml").read_text()
    for alert in re.findall(r"\bNewel[A-Z][A-Za-z]+", text):
        assert f"alert: {alert}\n" in alerts, alert
    for name in re.findall(r"\b((?:ceremony|signer|validation|issuing)[a-z-]*\.toml)\b", text):
        assert (REPOSITORY / "deploy/config" / name).exists(), name
    for path in re.findall(r"`((?:deploy|tests)/[\w./-]+)`", text):
        assert (REPOSITORY / path).exists(), path
