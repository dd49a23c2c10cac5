"""Functions on numbers: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ atoi "12" }}', "12"),
    ('{{ atoi "-3" }}', "-3"),
    ('{{ atoi "x" }}', "0"),
    ('{{ atoi "1.5" }}', "0"),
    ('{{ atoi "" }}', "0"),
    ('{{ atoi "99999999999999999999" }}', "9223372036854775807"),
    ('{{ int "0x1f" }}', "31"),
    ('{{ int "12.0" }}', "12"),
    ("{{ int 3.9 }}", "3"),
    ("{{ int true }}", "1"),
    ('{{ int "a" }}', "0"),
    ('{{ int64 "7" }}', "7"),
    ('{{ float64 "1.25" }}', "1.25"),
    ('{{ float64 "a" }}', "0"),
    ('{{ toDecimal "777" }}', "511"),
    ('{{ toDecimal "8" }}', "0"),
    ("{{ toDecimal 10 }}", "8"),
    ("{{ add1 1 }}", "2"),
    ("{{ add 1 2 3 }}", "6"),
    ("{{ add }}", "0"),
    ("{{ sub 5 7 }}", "-2"),
    ("{{ mul 2 3 4 }}", "24"),
    ("{{ div 7 2 }}", "3"),
    ("{{ div -7 2 }}", "-3"),
    ("{{ mod 7 -2 }}", "1"),
    ("{{ mod -7 2 }}", "-1"),
    ("{{ add 9223372036854775807 1 }}", "-9223372036854775808"),
    ("{{ mul 9223372036854775807 2 }}", "-2"),
    ("{{ add1f 1.5 }}", "2.5"),
    ("{{ addf 0.1 0.2 }}", "0.3"),
    ("{{ subf 0.3 0.1 }}", "0.2"),
    ("{{ mulf 0.1 3 }}", "0.3"),
    ("{{ divf 1 3 }}", "0.3333333333333333"),
    ("{{ divf 10 4 }}", "2.5"),
    ("{{ max 1 3 2 }}", "3"),
    ("{{ biggest 1 3 }}", "3"),
    ("{{ min 2 1 3 }}", "1"),
    ("{{ maxf 1.5 2.5 }}", "2.5"),
    ("{{ minf 1.5 2.5 }}", "1.5"),
    ('{{ max 1 "5" }}', "5"),
    ("{{ ceil 1.1 }}", "2"),
    ("{{ floor -1.1 }}", "-2"),
    ("{{ round 123.5555 3 }}", "123.556"),
    ("{{ round 2.5 0 }}", "3"),
    ("{{ round 1.249 1 0.4 }}", "1.3"),
    ("{{ round -1.5 0 }}", "-2"),
    ("{{ until 3 }}", "[0 1 2]"),
    ("{{ until 0 }}", "[]"),
    ("{{ until -2 }}", "[0 -1]"),
    ("{{ untilStep 3 9 3 }}", "[3 6]"),
    ("{{ untilStep 9 3 -3 }}", "[9 6]"),
    ("{{ untilStep 3 9 0 }}", "[]"),
    ("{{ untilStep 9 3 3 }}", "[]"),
    ("{{ seq 3 }}", "1 2 3"),
    ("{{ seq 2 5 }}", "2 3 4 5"),
    ("{{ seq 5 2 }}", "5 4 3 2"),
    ("{{ seq 1 2 9 }}", "1 3 5 7 9"),
    ("{{ seq 9 -4 1 }}", "9 5 1"),
    ("{{ seq 9 4 1 }}", ""),
    ("{{ seq }}", ""),
    ("{{ seq 1 2 3 4 }}", ""),
    ("{{ seq -2 }}", "1 0 -1 -2"),
    ("{{ randInt 3 4 }}", "3"),
]
ERRORS = [
    ("{{ div 1 0 }}", "error calling div: runtime error: integer divide by zero"),
    ("{{ mod 1 0 }}", "error calling mod: runtime error: integer divide by zero"),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
