"""What a decision record names is there: the tests that hold it, and the record in the list of records."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "docs/decisions").glob("0*.md"))
TESTS = {
    path.relative_to(ROOT).as_posix()
    for path in ROOT.glob("*/**/test_*.py")
    if ".venv" not in path.parts
}


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_every_test_that_is_named_exists(record: Path) -> None:
    named = set(re.findall(r"`([a-z0-9_/]*test_[a-z0-9_]+\.py)`", record.read_text()))
    missing = {name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in TESTS)}
    assert missing == set()


def test_every_record_is_in_the_list() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    assert [path.name for path in RECORDS if f"({path.name})" not in listed] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_every_record_has_the_form_of_the_template(record: Path) -> None:
    text = record.read_text()
    assert re.match(
        rf"# {record.name[:4]} .+\n\nStatus: (accepted|proposed|superseded by \d{{4}})\.", text
    )
    assert re.search(r"^Status: .* Date: \d{4}-\d{2}-\d{2}\.$", text, re.MULTILINE)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    optional = ["## Measurements"] if "## Measurements" in headings else []
    assert headings == [
        "## Context",
        "## Decision",
        "## Alternatives",
        *optional,
        "## Consequences",
    ]
