"""Internationalized labels in domain names: IDNA 2008 decides, in Unicode and as A-labels."""

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto.dns_names import InvalidNameError, canonical

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
    ascii_label = canonical(label)
    assert ascii_label == idna.alabel(label).decode()
    assert canonical(ascii_label) == ascii_label
    assert idna.ulabel(ascii_label) == label


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
        "\u212a",  # the Kelvin sign, which is a k in lower case
    ],
)
@pytest.mark.attack("T08")
def test_labels_that_rfc_5892_forbids_are_refused(label: str) -> None:
    with pytest.raises(InvalidNameError):
        canonical(label)


@pytest.mark.parametrize("label", ["xn--", "xn--a", "xn--abc", "xn--99999999999", "xn--abc-"])
def test_a_labels_that_are_not_the_one_form_are_refused(label: str) -> None:
    with pytest.raises(InvalidNameError):
        canonical(label.lower())


def test_a_label_that_is_not_composed_is_refused() -> None:
    with pytest.raises(InvalidNameError):
        canonical("xn--" + "e\u0301".encode("punycode").decode())


def encode(*labels: str) -> str:
    """A name whose labels are written as A-labels without a check."""
    return ".".join(
        each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in labels
    )


def test_directions_do_not_mix() -> None:
    canonical(encode(HEBREW + "\u05b0", "example"))  # a mark at the end does not count
    with pytest.raises(InvalidNameError):
        canonical(encode(HEBREW, "\u05b0"))
    canonical(encode(HEBREW, "example"))
    for labels in ([HEBREW + "a"], ["a" + HEBREW], [HEBREW, "1a"], ["\u0660" + "0\u05d0"]):
        with pytest.raises(InvalidNameError):
            canonical(encode(*labels))


@given(
    st.text(st.characters(exclude_categories=["Cs"], min_codepoint=0x80), min_size=1, max_size=6)
)
def test_what_is_accepted_is_canonical(text: str) -> None:
    try:
        name = canonical(text)
    except InvalidNameError:
        return
    assert canonical(name) == name
    assert idna.alabel(idna.ulabel(name)).decode() == name
