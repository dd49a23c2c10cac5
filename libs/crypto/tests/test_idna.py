"""IDNA 2008 labels, held against the idna package: we may refuse more, never accept more."""

import idna as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import idna

HEBREW = "\u05e2\u05d1\u05e8\u05d9\u05ea"
GOOD = [
    "\u03b1\u0375\u03b2",
    "\u05d0\u05f3",
    "\u06f1\u06f2",
    "\u0627\u0661\u0662",
    "münchen",
    "straße",
    "日本語",
    "ελλάδα",
    "مثال",
    "עברית",
    "l·l",
    "नी",
    "क्‍ष",
    "ไทย",
    "カ・カ",
]


@pytest.mark.parametrize("label", GOOD)
def test_labels_in_use_go_both_ways(label: str) -> None:
    ascii_label = idna.to_ascii(label)
    assert ascii_label == oracle.alabel(label).decode()
    assert idna.to_unicode(ascii_label) == label


@pytest.mark.parametrize(
    "label",
    [
        "a·b",  # middle dot, not between two l
        "\u0660\u06f0",  # two kinds of digits
        "\u06f0\u0660",
        "a\u0375",  # a Greek sign before nothing Greek
        "\u05f3",  # a Hebrew sign after nothing
        "\u0640",  # a letter stretcher
        "\u0301a",  # begins with a mark
        "a\u200db",  # a joiner with nothing to join
        "ー・"[1:],  # a katakana dot alone
        "ä\u202e",
        "ⅷ",  # compatibility form
        "☃",
        "\u1100",  # old jamo
        "ㅤ",  # Hangul filler
        "ab--ü",
        "-ü",
        "ü-",
        "A\u0378",  # unassigned
    ],
)
@pytest.mark.attack("T08")
def test_labels_that_rfc_5892_forbids_are_refused(label: str) -> None:
    with pytest.raises(idna.LabelError):
        idna.to_ascii(label)


@pytest.mark.parametrize("label", ["xn--", "xn--a", "xn--abc", "xn--99999999999", "xn--mnchen-3yA"])
def test_a_labels_that_are_not_the_one_form_are_refused(label: str) -> None:
    with pytest.raises(idna.LabelError):
        idna.to_unicode(label)


def test_a_label_that_is_not_composed_is_refused() -> None:
    with pytest.raises(idna.LabelError, match="normal form"):
        idna.to_unicode("xn--" + "e\u0301".encode("punycode").decode())


def test_directions_do_not_mix() -> None:
    idna.check_direction([HEBREW + "\u05b0", "example"])  # a mark at the end does not count
    with pytest.raises(idna.LabelError):
        idna.check_direction([HEBREW, "\u05b0"])
    idna.check_direction([HEBREW, "example"])
    for labels in ([HEBREW + "a"], ["a" + HEBREW], [HEBREW, "1a"], ["\u0660" + "0\u05d0"]):
        with pytest.raises(idna.LabelError):
            idna.check_direction(labels)


@given(
    st.text(st.characters(exclude_categories=["Cs"], min_codepoint=0x80), min_size=1, max_size=6)
)
def test_nothing_is_accepted_that_the_oracle_refuses(text: str) -> None:
    try:
        ascii_label = idna.to_ascii(text)
        label = idna.to_unicode(ascii_label)
        idna.check_direction([label])
    except idna.LabelError:
        return
    assert oracle.alabel(label).decode() == ascii_label
