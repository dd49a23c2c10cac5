"""Functions on text: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ repeat 3 "ab" }}', "ababab"),
    ('{{ repeat 0 "ab" }}', ""),
    ('{{ replace "a" "b" "banana" }}', "bbnbnb"),
    ('{{ replace "" "-" "ab" }}', "-a-b-"),
    ('{{ split "," "a,b,c" }}', "map[_0:a _1:b _2:c]"),
    ('{{ (split "," "a,b")._1 }}', "b"),
    ('{{ split "" "abc" }}', "map[_0:a _1:b _2:c]"),
    ('{{ splitn "," 2 "a,b,c" }}', "map[_0:a _1:b,c]"),
    ('{{ splitn "," 0 "a" }}', "map[]"),
    ('{{ splitn "" 2 "abc" }}', "map[_0:a _1:bc]"),
    ('{{ splitn "," -1 "a,b" }}', "map[_0:a _1:b]"),
    ('{{ splitList "," "a,b" }}', "[a b]"),
    ('{{ splitList "," "" }}', "[]"),
    ('{{ splitList "" "é☃" }}', "[é ☃]"),
    ('{{ join "-" (list 1 "b" true nil) }}', "1-b-true"),
    ('{{ join "-" "one" }}', "one"),
    ('{{ join "," (list) }}', ""),
    (r'{{ indent 2 "a\nb" }}', "  a\n  b"),
    (r'{{ nindent 2 "a\nb" }}', "\n  a\n  b"),
    ('{{ indent 0 "a" }}', "a"),
    ('{{ trunc 3 "abcdef" }}', "abc"),
    ('{{ trunc -3 "abcdef" }}', "def"),
    ('{{ trunc 9 "abc" }}', "abc"),
    ('{{ trunc -9 "abc" }}', "abc"),
    ('{{ trunc 0 "abc" }}', ""),
    ('{{ substr 1 3 "abcdef" }}', "bc"),
    ('{{ substr -1 3 "abcdef" }}', "abc"),
    ('{{ substr 2 -1 "abcdef" }}', "cdef"),
    ('{{ substr 1 99 "abc" }}', "bc"),
    ('{{ abbrev 5 "abcdefghij" }}', "ab..."),
    ('{{ abbrev 3 "abcdefghij" }}', "abcdefghij"),
    ('{{ abbrev 99 "abc" }}', "abc"),
    ('{{ title "one two-three" }}', "One Two-Three"),
    ('{{ untitle "One Two" }}', "one two"),
    ('{{ swapcase "aBc" }}', "AbC"),
    ('{{ initials "First Second" }}', "FS"),
    (r'{{ nospace " a b\tc " }}', "abc"),
    (r'{{ quote "a" 1 nil "b\"c" }}', r'"a" "1" "b\"c"'),
    ('{{ squote "a" 1 nil }}', "'a' '1'"),
    ('{{ cat "a" nil 1 "b" }}', "a 1 b"),
    ("{{ cat }}", ""),
    ('{{ wrap 5 "one two three" }}', "one\ntwo\nthree"),
    ('{{ wrap 3 "longword a" }}', "longword\na"),
    ('{{ wrapWith 4 "-" "abcdefgh ij" }}', "abcd-efgh-ij"),
    ('{{ wrap 5 "" }}', ""),
    ('{{ wrap 0 "ab c" }}', "ab\nc"),
    ('{{ plural "one" "many" 1 }}', "one"),
    ('{{ plural "one" "many" 0 }}', "many"),
    ('{{ plural "one" "many" 2 }}', "many"),
    (
        (
            r'{{ trim "  a \n" }}|{{ trimAll "$" "$5$" }}|{{ trimSuffix "-" "a--" }}'
            r'|{{ trimPrefix "-" "--a" }}|{{ trimall "x" "xax" }}'
        ),
        "a|5|a-|-a|a",
    ),
    ('{{ upper "aé" }}', "AÉ"),
    ('{{ lower "AÉ" }}', "aé"),
    ('{{ contains "b" "abc" }}', "true"),
    ('{{ hasPrefix "a" "abc" }}', "true"),
    ('{{ hasSuffix "a" "abc" }}', "false"),
    ("{{ toString 1.5 }}", "1.5"),
    ("{{ toString true }}", "true"),
    ('{{ toStrings (list 1 "a" nil) }}', "[1 a]"),
    ("{{ hello }}", "Hello!"),
    ("{{ len (randAlphaNum 5) }}", "5"),
    ("{{ len (randAlpha 5) }}", "5"),
    ("{{ len (randNumeric 5) }}", "5"),
    ("{{ len (randAscii 5) }}", "5"),
    ("{{ len uuidv4 }}", "36"),
]
ERRORS = [
    ('{{ repeat -1 "x" }}', "error calling repeat: strings: negative Repeat count"),
    (
        '{{ substr 5 2 "abcdef" }}',
        "error calling substr: runtime error: slice bounds out of range [5:2]",
    ),
    (
        '{{ substr -1 9 "abc" }}',
        "error calling substr: runtime error: slice bounds out of range [:9] with length 3",
    ),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
