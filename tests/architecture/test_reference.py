"""The reference pages are what the code says."""

from pathlib import Path

from deploy.reference.configuration import render_configuration
from deploy.reference.sdk import render_sdk

DOCS = Path(__file__).parents[2] / "docs"


def test_the_configuration_reference_is_that_of_the_models() -> None:
    assert (DOCS / "configuration.md").read_text() == render_configuration(), "make reference"


def test_the_sdk_reference_is_that_of_the_docstrings() -> None:
    assert (DOCS / "sdk.md").read_text() == render_sdk(), "make reference"


def test_every_setting_has_a_meaning() -> None:
    rows = [line for line in render_configuration().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []
