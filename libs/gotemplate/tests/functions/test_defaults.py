"""Functions on choices, types and ``fail``: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ default "d" "" }}', "d"),
    ('{{ default "d" "v" }}', "v"),
    ("{{ default 1 0 }}", "1"),
    ("{{ default 1 nil }}", "1"),
    ("{{ default 1 (list) }}", "1"),
    ('{{ default "d" }}', "d"),
    ('{{ empty "" }}', "true"),
    ("{{ empty 0 }}", "true"),
    ("{{ empty false }}", "true"),
    ("{{ empty nil }}", "true"),
    ("{{ empty (dict) }}", "true"),
    ('{{ empty "a" }}', "false"),
    ('{{ coalesce "" 0 nil "a" }}', "a"),
    ("{{ coalesce }}", "<no value>"),
    ('{{ all 1 "a" }}', "true"),
    ("{{ all 1 0 }}", "false"),
    ('{{ any 0 "" 1 }}', "true"),
    ('{{ any 0 "" }}', "false"),
    ("{{ all }}", "true"),
    ("{{ any }}", "false"),
    ('{{ ternary "y" "n" true }}', "y"),
    ('{{ ternary "y" "n" false }}', "n"),
    ("{{ typeOf 1 }}", "int"),
    ('{{ typeOf "a" }}', "string"),
    ("{{ typeOf 1.5 }}", "float64"),
    ("{{ typeOf nil }}", "<nil>"),
    ("{{ typeOf (list) }}", "[]interface {}"),
    ("{{ typeOf (dict) }}", "map[string]interface {}"),
    ("{{ typeOf true }}", "bool"),
    ("{{ kindOf 1 }}", "int"),
    ('{{ kindOf "a" }}', "string"),
    ("{{ kindOf (list) }}", "slice"),
    ("{{ kindOf (dict) }}", "map"),
    ("{{ kindOf nil }}", "invalid"),
    ("{{ kindOf 1.5 }}", "float64"),
    ('{{ typeIs "int" 1 }}', "true"),
    ('{{ typeIsLike "int" 1 }}', "true"),
    ('{{ kindIs "map" (dict) }}', "true"),
    ('{{ kindIs "slice" (list) }}', "true"),
    ("{{ deepEqual (list 1 2) (list 1 2) }}", "true"),
    ('{{ deepEqual (dict "a" 1) (dict "a" 2) }}', "false"),
    ("{{ deepEqual 1 1.0 }}", "false"),
    ("{{ deepEqual nil nil }}", "true"),
]
ERRORS = [
    ('{{ fail "stop here" }}', "error calling fail: stop here"),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
