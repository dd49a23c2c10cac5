"""A template comes from outside: whatever it says, it ends soon, takes little and fails in one way only."""

import datetime as dt
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.errors import ExecutionError, LimitError, ParseError, TemplateError
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.template import Template

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
DATA: dict[str, Any] = {"s": "text", "n": 3.0, "l": ["a", 1.0, None], "m": {"k": "v"}, "z": None}


def render(text: str, **limits: int) -> str:
    environment = Environment(NOW, os.urandom)
    return Template(text, FUNCTIONS).render(dict(DATA), environment, Limits(**limits))


DOUBLED = '{{ $x := "aaaa" }}{{ range until 60 }}{{ $x = %s }}{{ end }}'
GREEDY = {
    "repeat": '{{ repeat 1000000000000 "x" }}',
    "until": "{{ until 1000000000000 }}",
    "seq": "{{ seq 1000000000000 }}",
    "a long range": "{{ range 1000000000000 }}{{ end }}",
    "much text": '{{ range 10000 }}{{ repeat 200 "x" }}{{ end }}',
    "a wide number": '{{ range 1000 }}{{ printf "%1000000d" 1 }}{{ end }}',
    "a precise number": '{{ range 1000 }}{{ printf "%.1000000f" 1.0 }}{{ end }}',
    "an indent": '{{ indent 1000000000000 "x" }}',
    "doubled by cat": DOUBLED % "cat $x $x",
    "doubled by print": DOUBLED % "print $x $x",
    "doubled by printf": DOUBLED % 'printf "%s%s" $x $x',
    "doubled by replace": DOUBLED % 'replace "a" "aa" $x',
    "doubled by join": DOUBLED % 'join "," (list $x $x)',
    "doubled by quote": DOUBLED % "quote $x $x",
    "doubled by concat": "{{ $x := list 1 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}",
    "a list of lists": "{{ $x := list 1 }}{{ range until 60 }}{{ $x = list $x $x }}{{ end }}{{ $x }}",
    "the same as JSON": "{{ $x := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}",
    "the same compared": (
        "{{ $x := list 1 }}{{ $y := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ $y = list $y $y }}"
        "{{ end }}{{ deepEqual $x $y }}"
    ),
    "a map within itself": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}',
    "the same as JSON again": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}',
    "the same merged": '{{ $d := dict "a" 1 }}{{ $_ := set $d "d" $d }}{{ deepCopy $d }}',
    "a template within itself": '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}',
    "a pattern made to be slow": '{{ regexMatch "(a*)*(a*)*b" (repeat 100000 "a") }}',
    "a pattern made to be large": '{{ regexMatch "((a{100}){100}){100}" "a" }}|{{ repeat 9999999 "a" }}',
    "many replacements": '{{ regexReplaceAll "a" (repeat 5000 "a") (repeat 5000 "b") }}',
    "comparing all with all": "{{ uniq (until 100000) }}",
    "nested JSON": '{{ fromJson (repeat 100000 "[") }}',
    "random text": "{{ randAlpha 1000000000 }}",
}


@pytest.mark.attack("template-bomb")
@pytest.mark.parametrize("text", GREEDY.values(), ids=list(GREEDY))
def test_what_asks_for_too_much_is_stopped(text: str) -> None:
    with pytest.raises(LimitError):
        render(text)


DEEP = {
    "parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "blocks": "{{ if 1 }}" * 5000 + "{{ end }}" * 5000,
    "alternatives": "{{ if 1 }}" + "{{ else if 1 }}" * 5000 + "{{ end }}",
    "text": "x" * (2 << 20),
}


@pytest.mark.attack("template-bomb")
@pytest.mark.parametrize("text", DEEP.values(), ids=list(DEEP))
def test_what_nests_too_deeply_is_no_template(text: str) -> None:
    with pytest.raises(ParseError):
        render(text)


@pytest.mark.attack("template-bomb")
@pytest.mark.parametrize("pattern", ["(" * 5000 + ")" * 5000, "a{1000}{1000}", "x" * 100_000])
def test_a_pattern_has_its_bounds_too(pattern: str) -> None:
    with pytest.raises(ExecutionError):
        render(f'{{{{ mustRegexMatch "{pattern}" "a" }}}}')


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *[(name, "not defined") for name in ("env", "expandenv")],
        ("getHostByName", "not available here: a template that asks name servers"),
        *[
            (name, "not available here: a template that makes secrets or keys")
            for name in ("genPrivateKey", "genCA", "bcrypt", "encryptAES")
        ],
    ],
)
def test_nothing_looks_outside_or_makes_keys(name: str, why: str) -> None:
    with pytest.raises(ParseError, match=f'"{name}" {why}'):
        render(f'{{{{ {name} "HOME" }}}}')


def test_without_clock_and_randomness_their_functions_refuse() -> None:
    for word in ("now", "uuidv4"):
        with pytest.raises(ExecutionError, match="there is no"):
            Template(f"{{{{ {word} }}}}", FUNCTIONS).render({})


def test_a_message_of_its_own_is_kept_apart() -> None:
    with pytest.raises(ExecutionError) as caught:
        render('{{ fail "names end in .example" }}')
    assert caught.value.failure == "names end in .example"


def test_the_clock_and_randomness_are_those_given() -> None:
    assert render("{{ now | unixEpoch }}") == str(int(NOW.timestamp()))
    assert render("{{ ago (toTime 1795262370) }}") == "30s"
    assert len(render("{{ uuidv4 }}{{ randAlphaNum 9 }}{{ randNumeric 3 }}")) == 48
    assert render("{{ $n := randInt 3 5 }}{{ and (ge $n 3) (lt $n 5) }}") == "true"


OPERANDS = """.s .n .l .m .m.k .z . $ $x nil true false 1 -1 2.5 'a' `r` "a" "%v-%-5.2s" "[a-z]+(x|y)*" "{}"
9223372036854775807 100000 ( ) | := = , if else end range with define template block break continue"""
WORDS = st.sampled_from([*FUNCTIONS, *OPERANDS.split()])
ACTIONS = st.lists(WORDS, max_size=7).map(lambda words: "{{ " + " ".join(words) + " }}")
CALLS = st.tuples(st.sampled_from(list(FUNCTIONS)), st.lists(WORDS, max_size=4)).map(
    lambda call: "{{ " + " ".join((call[0], *call[1])) + " }}"
)
TEXTS = st.lists(st.one_of(ACTIONS, CALLS, st.text(max_size=5)), max_size=6).map("".join)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_any_words_give_text_or_one_kind_of_error(text: str) -> None:
    try:
        found = render(text, steps=5000, octets=100_000, output=10_000)
    except TemplateError:
        return
    assert len(found) <= 10_000


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.lists(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(1 << 63), (1 << 63) - 1),
            st.floats(),
            st.text(max_size=8),
            st.lists(st.text(max_size=3), max_size=3),
            st.dictionaries(st.text(max_size=3), st.floats(), max_size=3),
        ),
        max_size=4,
    ),
)
def test_any_arguments_give_text_or_one_kind_of_error(name: str, values: list[Any]) -> None:
    text = f"{{{{ {name} {' '.join(f'(index .v {place})' for place in range(len(values)))} }}}}"
    limits = Limits(steps=5000, octets=100_000, output=10_000)
    try:
        Template(text, FUNCTIONS).render({"v": values}, Environment(NOW, os.urandom), limits)
    except TemplateError:
        return
