"""Maps of strings: an element that is not there is empty, as in Go."""

import datetime as dt

import pytest

from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.template import Template
from newel.gotemplate.values import STRING_MAP_TYPE, Map


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .User.Name }}|{{ .User.Other }}", "joe|"),
        ('{{ .User.Other | replace "a" "b" }}', ""),
        ("{{ .Other }}", "<no value>"),
        ("{{ if .User.Other }}yes{{ else }}no{{ end }}", "no"),
    ],
)
def test_a_missing_string_is_empty(text: str, expected: str) -> None:
    data = {"User": Map({"Name": "joe"}, STRING_MAP_TYPE)}
    environment = Environment(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), bytes)
    limits = Limits(steps=1000, octets=1000, output=1000)
    assert Template(text, FUNCTIONS).render(data, environment, limits) == expected
