"""Functions on maps: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ dict "a" 1 "b" 2 }}', "map[a:1 b:2]"),
    ("{{ dict }}", "map[]"),
    ('{{ dict "a" }}', "map[a:]"),
    ("{{ dict 1 2 }}", "map[1:2]"),
    (
        '{{ $d := dict "a" 1 }}{{ get $d "a" }}|{{ get $d "b" }}|{{ hasKey $d "a" }}|{{ hasKey $d "b" }}',
        "1||true|false",
    ),
    (
        '{{ $d := dict "a" 1 }}{{ set $d "b" 2 }}|{{ unset $d "a" }}|{{ $d }}',
        "map[a:1 b:2]|map[b:2]|map[b:2]",
    ),
    ('{{ pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3) }}', "[1 3]"),
    ('{{ keys (dict "a" 1) }}', "[a]"),
    ('{{ values (dict "a" 1) }}', "[1]"),
    ('{{ pick (dict "a" 1 "b" 2) "a" "c" }}', "map[a:1]"),
    ('{{ omit (dict "a" 1 "b" 2) "a" }}', "map[b:2]"),
    ('{{ merge (dict "a" 1) (dict "a" 2 "b" 3) }}', "map[a:1 b:3]"),
    ('{{ mergeOverwrite (dict "a" 1) (dict "a" 2 "b" 3) }}', "map[a:2 b:3]"),
    ('{{ merge (dict "m" (dict "x" 1)) (dict "m" (dict "x" 2 "y" 3)) }}', "map[m:map[x:1 y:3]]"),
    ('{{ mergeOverwrite (dict "m" (dict "x" 1)) (dict "m" (dict "x" 2)) }}', "map[m:map[x:2]]"),
    ('{{ dig "a" "b" "none" (dict "a" (dict "b" 1)) }}', "1"),
    ('{{ dig "a" "c" "none" (dict "a" (dict "b" 1)) }}', "none"),
    (
        (
            '{{ $d := dict "a" (list 1) }}{{ $c := deepCopy $d }}{{ $_ := set $c "a" 2 }}{{ $d }}'
            '{{ $c }}|{{ deepCopy 1 }}|{{ deepCopy "a" }}'
        ),
        "map[a:[1]]map[a:2]|1|a",
    ),
]
ERRORS = [
    ('{{ dig "a" (dict "a" 1) }}', "error calling dig: dig needs at least three arguments"),
    (
        '{{ dig "a" "b" "none" (dict "a" 1) }}',
        "error calling dig: interface conversion: interface {} is int, not map[string]interface {}",
    ),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
