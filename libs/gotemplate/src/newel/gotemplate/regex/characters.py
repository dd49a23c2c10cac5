r"""Sets of characters: single ones, ranges, and classes such as ``\d``, ``[:alpha:]`` and ``\p{Lu}``."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]


def spans(text: str) -> Ranges:
    """Ranges written as pairs of characters: ``"azAZ"``."""
    return tuple((ord(text[place]), ord(text[place + 1])) for place in range(0, len(text), 2))


DIGITS, WORDS, BLANKS = spans("09"), spans("09AZ__az"), spans("\t\n\f\r  ")
LETTERS = {"d": DIGITS, "w": WORDS, "s": BLANKS}
NAMED = {
    "alnum": spans("09AZaz"),
    "alpha": spans("AZaz"),
    "ascii": spans("\x00\x7f"),
    "blank": spans("\t\t  "),
    "cntrl": spans("\x00\x1f\x7f\x7f"),
    "digit": DIGITS,
    "graph": spans("!~"),
    "lower": spans("az"),
    "print": spans(" ~"),
    "punct": spans("!/:@[`{~"),
    "space": spans("\t\r  "),
    "upper": spans("AZ"),
    "word": WORDS,
    "xdigit": spans("09AFaf"),
}
CATEGORIES = frozenset(
    [
        "C",
        "Cc",
        "Cf",
        "Co",
        "Cs",
        "L",
        "Ll",
        "Lm",
        "Lo",
        "Lt",
        "Lu",
        "M",
        "Mc",
        "Me",
        "Mn",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Pe",
        "Pf",
        "Pi",
        "Po",
        "Ps",
        "S",
        "Sc",
        "Sk",
        "Sm",
        "So",
        "Z",
        "Zl",
        "Zp",
        "Zs",
    ]
)


@dataclass(frozen=True)
class Characters:
    """The characters in any part, or with ``negated`` in none.

    ``folded`` takes upper and lower case for the same.
    """

    ranges: Ranges = ()
    tests: tuple[Callable[[str], bool], ...] = ()
    negated: bool = False
    folded: bool = False

    def has(self, char: str) -> bool:
        """Whether the character is in the set."""
        forms = {char, char.lower(), char.upper()} if self.folded else {char}
        return any(self.includes(form) for form in forms if len(form) == 1) is not self.negated

    def includes(self, char: str) -> bool:
        """Whether any part has the character as it is."""
        point = ord(char)
        return any(low <= point <= high for low, high in self.ranges) or any(
            test(char) for test in self.tests
        )


ANYTHING = Characters(negated=True)
NO_NEWLINE = Characters(((10, 10),), negated=True)


def category(name: str) -> Callable[[str], bool] | None:
    """The test for a Unicode category; None where there is none of that name."""
    if name == "Any":
        return lambda _char: True
    if name not in CATEGORIES:
        return None
    return lambda char: unicodedata.category(char).startswith(name)
