"""The language and its functions: each case's output or error is the one Go gives, word for word.

`cli/tests/test_certificate_template_language.py` asks the original itself for the same cases.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from newel.gotemplate.errors import TemplateError
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.template import Template

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for name in ("language.jsonl", "functions.jsonl")
    for line in Path(__file__).with_name(name).read_text().splitlines()
]


def numbers_as_json(value: Any) -> Any:
    """JSON's numbers are all Go's float64."""
    if isinstance(value, list):
        return [numbers_as_json(each) for each in value]
    if isinstance(value, dict):
        return {key: numbers_as_json(each) for key, each in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["template"][:60])
def test_the_answer_is_go_s(case: dict[str, Any]) -> None:
    data = numbers_as_json(case.get("data", {}))
    try:
        answer = {"output": Template(case["template"], FUNCTIONS).render(data)}
    except TemplateError as error:
        answer = {"error": str(error)}
    assert answer == {key: case[key] for key in ("output", "error") if key in case}
