"""Functions on JSON: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ toJson (dict "b" 1 "a" (list 1.5 nil true "x")) }}', '{"a":[1.5,null,true,"x"],"b":1}'),
    ('{{ toJson "<&>" }}', r'"\u003c\u0026\u003e"'),
    ('{{ toRawJson "<&>" }}', '"<&>"'),
    (
        '{{ toPrettyJson (dict "a" (list 1 2) "b" (dict) "c" (list)) }}',
        '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {},\n  "c": []\n}',
    ),
    ("{{ toJson 1e21 }}", "1e+21"),
    ("{{ toJson 1e-7 }}", "1e-7"),
    ("{{ toJson 0.000001 }}", "0.000001"),
    ("{{ toJson 123456789.5 }}", "123456789.5"),
    (r'{{ toJson "é\u2028\n\t\x01" }}', r'"é\u2028\n\t\u0001"'),
    (r'{{ fromJson "{\"a\":[1,2.5,null,true]}" }}', "map[a:[1 2.5 <nil> true]]"),
    (r'{{ (fromJson "{\"a\":{\"b\":\"c\"}}").a.b }}', "c"),
    ('{{ fromJson "nope" }}', "<no value>"),
    ("{{ mustToJson (list) }}", "[]"),
    ('{{ mustToRawJson "a" }}', '"a"'),
    ("{{ mustToPrettyJson 1 }}", "1"),
    ('{{ mustFromJson "[1]" }}', "[1]"),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output
