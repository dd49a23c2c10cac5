"""Sprig's functions on the words of identifiers: camel case, snake case, kebab case."""

import unicodedata
from collections.abc import Iterator

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.functions.strings import SPACE
from newel.gotemplate.literals import octets, to_text

_CONNECTOR, _PUNCTUATION, _UPPER, _ALPHABET, _NUMBER, _OTHER, _END = range(7)
_CJK = ((0x3400, 0x4D85), (0x4E00, 0x9FCC), (0x20000, 0x2B81D))
"""Letters that are no alphabet's."""


def _is_connector(char: str) -> bool:
    return char in "-_" or char in SPACE


def _is_upper(char: str) -> bool:
    return unicodedata.category(char) == "Lu"


def _is_alphabet(char: str) -> bool:
    letter = unicodedata.category(char)[0] == "L"
    return letter and not any(first <= ord(char) <= last for first, last in _CJK)


def _kind(char: str) -> int:
    if _is_connector(char):
        return _CONNECTOR
    category = unicodedata.category(char)
    if category[0] == "P":
        return _PUNCTUATION
    if category == "Lu":
        return _UPPER
    if _is_alphabet(char):
        return _ALPHABET
    return _NUMBER if category[0] == "N" else _OTHER


def _end_of_word(text: str, start: int) -> int:
    """Return where the word that starts here ends."""
    kind, at = _kind(text[start]), start + 1
    if kind == _UPPER:
        return _end_of_capitals(text, at)
    while at < len(text):
        char = text[at]
        if kind == _ALPHABET:
            goes_on = _is_alphabet(char) and not _is_upper(char)
        elif kind == _OTHER:
            goes_on = not _is_alphabet(char) and _kind(char) == _OTHER
        else:
            goes_on = _kind(char) == kind
        if not goes_on:
            break
        at += 1
    return at


def _end_of_capitals(text: str, at: int) -> int:
    """Return the end of a word behind its first capital: ``HTTP`` of ``HTTPServer``, ``Server`` of it."""
    if at < len(text) and _is_upper(text[at]):
        while at < len(text) and _is_upper(text[at]):
            at += 1
        return at - 1 if at < len(text) and _is_alphabet(text[at]) else at
    while at < len(text) and _is_alphabet(text[at]) and not _is_upper(text[at]):
        at += 1
    return at


def _words(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    while at < len(text):
        end = _end_of_word(text, at)
        yield _kind(text[at]), text[at:end]
        at = end
    while True:
        yield _END, ""


def _lower(kind: int, word: str, connector: str) -> str:
    if kind not in {_UPPER, _CONNECTOR}:
        return word
    return "".join(
        connector if _is_connector(char) else char.lower() if _is_upper(char) else char
        for char in word
    )


class _Joiner:
    """Joins the words of a text in lower case.

    A number belongs to the word before it, unless small letters follow the number: they and the number
    are a word of their own.
    """

    def __init__(self, text: str, connector: str) -> None:
        self._connector = connector
        self._words = _words(text)
        self._kind, self._word = next(self._words)
        self._next = next(self._words)
        self._found: list[str] = []

    def join(self) -> str:
        while self._next[0] != _END:
            if self._kind != _CONNECTOR:
                self._add()
            before = self._kind, self._word
            self._advance()
            if before[0] == _NUMBER:
                self._take_run()
            elif before[0] == _CONNECTOR:
                self._found.append(_lower(*before, self._connector))
            elif before[0] != _PUNCTUATION:
                self._join_next()
        self._add()
        return "".join(self._found)

    def _advance(self) -> None:
        self._kind, self._word = self._next
        self._next = next(self._words)

    def _add(self) -> None:
        self._found.append(_lower(self._kind, self._word, self._connector))

    def _divide(self, *without: int) -> None:
        """Add the connector, unless the word at hand is divided from the one before by itself."""
        if self._kind not in {_CONNECTOR, _PUNCTUATION, *without}:
            self._found.append(self._connector)

    def _take_run(self) -> None:
        """Take the letters and numbers that follow a number, and what divides them from the rest."""
        while self._kind in {_ALPHABET, _NUMBER}:
            self._add()
            self._advance()
        self._divide(_END)

    def _join_next(self) -> None:
        """Join the word at hand to the one before it, which is neither number nor connector."""
        if self._kind != _NUMBER:
            self._divide()
        elif self._next[0] != _END:
            number = self._word
            self._advance()
            if self._kind == _ALPHABET:
                self._found.extend((self._connector, number))
                self._take_run()
            else:
                self._found.append(number)
                self._divide()


def _connect(budget: Budget, text: str, connector: str) -> str:
    budget.step(len(text))
    budget.allocate(2 * len(text))
    return _Joiner(text, connector).join() if text else ""


def snake_case(budget: Budget, text: str) -> str:
    """Return ``FirstName`` as ``first_name``."""
    return _connect(budget, text, "_")


def kebab_case(budget: Budget, text: str) -> str:
    """Return ``FirstName`` as ``first-name``."""
    return _connect(budget, text, "-")


def camel_case(budget: Budget, text: str) -> str:
    """Return ``first_name`` as ``FirstName``; connectors at the beginning stay, doubled ones lose one."""
    budget.step(len(text))
    start = next((at for at, char in enumerate(text) if not _is_connector(char)), len(text))
    if start >= len(text):
        return text + text[-1:]  # as the original does
    found = [text[:start]]
    is_capital = _is_upper(text[start])
    current = text[start].upper()
    for char in text[start + 1 :]:
        before, current = current, char
        if _is_connector(current) and _is_connector(before):
            found.append(before)
            continue
        if _is_connector(before):
            is_capital = _is_upper(current)
            current = current.upper()
            continue
        if is_capital:
            is_capital = _is_upper(current)
            current = current.lower() if is_capital else current
        found.append(before)
    return "".join((*found, current))


def abbreviate_both(left: int, right: int, value: str) -> str:
    """Shorten to ``right`` octets from the offset ``left`` on, with an ellipsis at both ends."""
    body = octets(value)
    size = len(body)
    if right < 4 or (left > 0 and right < 7) or size <= right:
        return value
    left = min(left, size)
    if size - left < right - 3:
        left = size - (right - 3)
    if left <= 4:
        return to_text(body[: right - 3] + b"...")
    if left + right - 3 < size:
        rest, width = body[left:], right - 3
        short = rest if len(rest) <= width else rest[: width - 3] + b"..."
        return to_text(b"..." + short)
    return to_text(b"..." + body[size - (right - 3) :])


def shuffle(budget: Budget, value: str) -> str:
    """Return the characters in an unpredictable order."""
    budget.step(9 * len(value))  # each character, and the octets that choose it
    left, found = list(value), list[str]()
    while left:
        number = int.from_bytes(budget.random(8))
        found.append(left.pop(number % len(left)))
    return "".join(found)


FUNCTIONS: Functions = {
    "snakecase": declare("string", snake_case, bounded=True),
    "kebabcase": declare("string", kebab_case, bounded=True),
    "camelcase": declare("string", camel_case, bounded=True),
    "abbrevboth": declare("int int string", abbreviate_both),
    "shuffle": declare("string", shuffle, bounded=True),
}
