"""Regular expressions match as Go's do: regex.jsonl holds answers of Go 1.26's regexp package.

The patterns are those of a fuzzing run on which RE2, Go or this project's former engine once disagreed,
and a sample of the rest. What still differs is listed in docs/decisions/0016.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from newel.gotemplate.budget import Budget, Limits
from newel.gotemplate.errors import CallError, LimitError
from newel.gotemplate.functions.regex import find_all, is_match, replace, split
from newel.gotemplate.regex import Regexp

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("regex.jsonl").read_text().splitlines()
]


def evaluate(case: dict[str, Any]) -> dict[str, Any]:
    budget = Budget()
    try:
        regexp = Regexp(budget, case["pattern"])
    except CallError as error:
        return {"error": str(error)}
    text = case.get("text", "")
    found = regexp.search(budget, text)
    return {
        "find": [place for span in found or () for place in span],
        "all": [list(captures[0]) for captures in regexp.find_all(budget, text)],
        "replaced": replace(budget, regexp, text, "<$1${n}>"),
    }


def test_answers_are_those_of_go() -> None:
    assert len(CASES) > 400
    wrong = {case["pattern"]: evaluate(case) for case in CASES if case | evaluate(case) != case}
    assert wrong == {}


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        (r"a\C", r"invalid escape sequence: `\C`"),
        ("(?P<é>a)", "invalid named capture: `(?P<é>`"),
        ("a\udcffb", "invalid UTF-8: `\udcffb`"),
    ],
)
def test_what_only_re2_accepts_is_refused_as_in_go(pattern: str, error: str) -> None:
    with pytest.raises(CallError) as caught:
        Regexp(Budget(), pattern)
    assert str(caught.value) == f"error parsing regexp: {error}"
    assert not is_match(Budget(), pattern, "a")


def test_a_pattern_that_is_too_long_is_refused_and_not_taken_for_one_that_does_not_match() -> None:
    with pytest.raises(CallError, match="expression too large"):
        is_match(Budget(), "a|" * 2500 + "b", "b")


def test_an_escaped_or_quoted_backslash_is_not_an_escape() -> None:
    assert is_match(Budget(), r"^\\C$", r"\C")
    assert is_match(Budget(), r"^\Q\C\E$", r"\C")


def test_octets_that_are_not_utf_8_match_as_the_replacement_character() -> None:
    budget = Budget()
    text = b"a\xff\xfeb".decode("utf-8", "surrogateescape")
    assert Regexp(budget, "a..b").search(budget, text) == ((0, 4),)
    assert find_all(budget, Regexp(budget, r"\x{fffd}"), text, -1) == ["\udcff", "\udcfe"]


def test_a_boundary_that_re2_finds_inside_characters_is_refused() -> None:
    assert is_match(Budget(), r"a\Bb", "ab")
    with pytest.raises(CallError, match="ASCII text only"):
        is_match(Budget(), r"\B", "Bé")


def test_an_empty_match_does_not_count_behind_another() -> None:
    budget = Budget()
    assert replace(budget, Regexp(budget, "b*"), "abbc", "-") == "-a-c-"
    assert split(budget, Regexp(budget, ""), "abc", -1) == ["a", "b", "c"]
    assert find_all(budget, Regexp(budget, "a*"), "baac", 2) == ["", "aa"]
    assert find_all(budget, Regexp(budget, "a"), "aaa", 0) == []


@pytest.mark.attack("template-bomb")
@pytest.mark.parametrize("pattern", ["(a{0,1000}){0,1}" * 200, r"(\pL|\pN){300}"])
def test_a_pattern_that_compiles_to_too_much_stops_the_template(pattern: str) -> None:
    with pytest.raises(LimitError):
        is_match(Budget(), pattern, "a")


@pytest.mark.attack("template-bomb")
def test_a_search_counts_the_text_and_the_program() -> None:
    budget = Budget(Limits(steps=10_000))
    with pytest.raises(LimitError):
        Regexp(budget, "a").search(budget, "b" * 5001)
    budget = Budget(Limits(steps=10_000))
    with pytest.raises(LimitError):  # every match looks at all that follows
        list(Regexp(budget, "a|a.*b").find_all(budget, "a" * 2000))
