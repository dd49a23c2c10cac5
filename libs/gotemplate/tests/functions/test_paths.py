"""Functions on paths and URLs: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ base "/a/b.txt" }}', "b.txt"),
    ('{{ base "" }}', "."),
    ('{{ base "/" }}', "/"),
    ('{{ base "a/" }}', "a"),
    ('{{ dir "/a/b" }}', "/a"),
    ('{{ dir "a" }}', "."),
    ('{{ dir "" }}', "."),
    ('{{ dir "/a" }}', "/"),
    ('{{ clean "/a/../b//c/." }}', "/b/c"),
    ('{{ clean "" }}', "."),
    ('{{ clean "../a" }}', "../a"),
    ('{{ clean "//a" }}', "/a"),
    ('{{ ext "a.tar.gz" }}', ".gz"),
    ('{{ ext "a" }}', ""),
    ('{{ ext "a.b/c" }}', ""),
    ('{{ isAbs "/a" }}', "true"),
    ('{{ isAbs "a" }}', "false"),
    ('{{ osBase "/a/b" }}', "b"),
    ('{{ osDir "/a/b" }}', "/a"),
    ('{{ osClean "a//b" }}', "a/b"),
    ('{{ osExt "a.b" }}', ".b"),
    ('{{ osIsAbs "a" }}', "false"),
    (
        '{{ urlParse "https://u:p@h.example:8080/p%20q?x=1#f" }}',
        (
            "map[fragment:f host:h.example:8080 hostname:h.example opaque: path:/p q query:x=1 "
            "scheme:https userinfo:u:p]"
        ),
    ),
    (
        '{{ urlParse "mailto:a@b.example" }}',
        "map[fragment: host: hostname: opaque:a@b.example path: query: scheme:mailto userinfo:]",
    ),
    ('{{ (urlParse "https://[::1]:80/").hostname }}', "::1"),
    ('{{ (urlParse "//host/p").host }}', "host"),
    ('{{ (urlParse "/p").path }}', "/p"),
    (
        (
            '{{ urlJoin (dict "scheme" "https" "host" "h.example" "path" "p" "query" "x=1" '
            '"fragment" "f" "userinfo" "u") }}'
        ),
        "https://u@h.example/p?x=1#f",
    ),
    ('{{ urlJoin (dict "scheme" "mailto" "opaque" "a@b" ) }}', "mailto:a@b"),
    ('{{ urlJoin (dict "path" "/a b") }}', "/a%20b"),
    ("{{ urlJoin (dict) }}", ""),
]
ERRORS = [
    (
        '{{ urlJoin (dict "host" 1) }}',
        "error calling urlJoin: unable to parse host key, must be of type string, but int found",
    ),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
