"""Functions on lists: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ list 1 "a" nil }}', "[1 a <nil>]"),
    ("{{ tuple 1 2 }}", "[1 2]"),
    ("{{ list }}", "[]"),
    ("{{ append (list 1) 2 }}", "[1 2]"),
    ("{{ push (list 1) 2 }}", "[1 2]"),
    ("{{ prepend (list 1) 2 }}", "[2 1]"),
    ("{{ mustAppend (list) 1 }}", "[1]"),
    ("{{ first (list 1 2) }}", "1"),
    ("{{ last (list 1 2) }}", "2"),
    ("{{ rest (list 1 2 3) }}", "[2 3]"),
    ("{{ initial (list 1 2 3) }}", "[1 2]"),
    ("{{ first (list) }}", "<no value>"),
    ("{{ rest (list) }}", "[]"),
    ("{{ reverse (list 1 2 3) }}", "[3 2 1]"),
    ('{{ compact (list 0 1 "" "a" nil false) }}', "[1 a]"),
    ('{{ uniq (list 1 2 1 "a" "a") }}', "[1 2 a]"),
    ("{{ without (list 1 2 3 2) 2 }}", "[1 3]"),
    ("{{ without (list 1) }}", "[1]"),
    ("{{ has 2 (list 1 2) }}", "true"),
    ('{{ has "2" (list 1 2) }}', "false"),
    ("{{ has 1 nil }}", "false"),
    ("{{ slice (list 1 2 3) 1 2 }}", "[2]"),
    ("{{ slice (list 1 2 3) 1 }}", "[2 3]"),
    ("{{ slice (list 1 2 3) }}", "[1 2 3]"),
    ("{{ slice (list) }}", "<no value>"),
    ("{{ concat (list 1) (list 2 3) }}", "[1 2 3]"),
    ("{{ concat }}", "[]"),
    ("{{ concat (list) }}", "[]"),
    ("{{ chunk 2 (list 1 2 3) }}", "[[1 2] [3]]"),
    ("{{ chunk 5 (list 1) }}", "[[1]]"),
    ('{{ sortAlpha (list "c" "a" "b") }}', "[a b c]"),
    ('{{ sortAlpha (list 3 "10" 2) }}', "[10 2 3]"),
    ('{{ sortAlpha "x" }}', "[x]"),
]
ERRORS = [
    ('{{ append "a" 2 }}', "error calling append: Cannot push on type string"),
    ("{{ prepend 1 2 }}", "error calling prepend: Cannot prepend on type int"),
    ('{{ first "abc" }}', "error calling first: Cannot find first on type string"),
    ("{{ last 1 }}", "error calling last: Cannot find last on type int"),
    ('{{ has 1 "abc" }}', "error calling has: Cannot find has on type string"),
    (
        '{{ slice "abc" 1 }}',
        "error calling slice: list should be type of slice or array but string",
    ),
    ("{{ concat (list 1) 2 }}", "error calling concat: Cannot concat type int as list"),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
