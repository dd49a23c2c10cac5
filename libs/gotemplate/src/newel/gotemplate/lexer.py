"""Tokens of a template's text: text, and within ``{{ }}`` words, marks and literals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from newel.gotemplate.literals import quote

LEFT, RIGHT = "{{", "}}"
SPACES = " \t\r\n"
TERMINATORS = ".,|:)("
NUMERAL = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?"
    r"|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
SPACE = re.compile(r"[ \t\r\n]+")
CLOSING = re.compile(r"(?:[ \t\r\n]-)?\}\}")


class Kind(Enum):
    """The kind of a token."""

    ERROR = auto()
    EOF = auto()
    TEXT = auto()
    LEFT = auto()
    RIGHT = auto()
    SPACE = auto()
    ASSIGN = auto()
    DECLARE = auto()
    PIPE = auto()
    OPEN = auto()
    CLOSE = auto()
    CHAR = auto()
    """A mark with no meaning of its own; the comma is one."""
    BOOL = auto()
    CHARACTER = auto()
    NUMBER = auto()
    STRING = auto()
    FIELD = auto()
    VARIABLE = auto()
    IDENTIFIER = auto()
    DOT = auto()
    KEYWORD = auto()


KEYWORDS = frozenset(
    {
        "block",
        "break",
        "continue",
        "define",
        "else",
        "end",
        "if",
        "nil",
        "range",
        "template",
        "with",
    }
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its start (in characters), its line (from 1) and its text."""

    kind: Kind
    value: str
    place: int
    line: int

    def __str__(self) -> str:
        if self.kind is Kind.EOF:
            return "EOF"
        if self.kind is Kind.ERROR:
            return self.value
        if self.kind in {Kind.KEYWORD, Kind.DOT}:
            return f"<{self.value}>"
        if len(self.value) > 10:
            return quote(self.value[:10]) + "..."
        return quote(self.value)


class MalformedError(Exception):
    """Text that is not a token."""


def is_word(char: str) -> bool:
    """Tell whether the character can be part of a name."""
    return char == "_" or char.isalpha() or char.isdecimal()


def code_point(char: str) -> str:
    """Format a character as Go's ``%#U`` does."""
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char):04X}{shown}"


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens, the last being EOF or the first ERROR."""
    return Lexer(text).run()


class Lexer:
    """A lexer that reads the text once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.start = 0
        self.counted = 0
        self.line = 1

    def run(self) -> Iterator[Token]:
        """Yield all tokens lazily, so that the first error is reported first."""
        try:
            while self.place < len(self.text):
                yield from self.lex_text()
        except MalformedError as error:
            yield self.token(Kind.ERROR, str(error))
            return
        self.start = self.place
        yield self.token(Kind.EOF, "")

    def token(self, kind: Kind, value: str | None = None) -> Token:
        """Return the token from ``start`` to ``place``."""
        self.line += self.text.count("\n", self.counted, self.start)
        self.counted = max(self.counted, self.start)
        found = self.text[self.start : self.place] if value is None else value
        return Token(kind, found, self.start, self.line)

    def lex_text(self) -> Iterator[Token]:
        """Yield the text up to an action or comment, and the action's tokens."""
        self.start = self.place
        opening = self.text.find(LEFT, self.place)
        if opening < 0:
            self.place = len(self.text)
            yield self.token(Kind.TEXT)
            return
        inner = opening + len(LEFT)
        trim = self.text[inner : inner + 1] == "-" and self.text[inner + 1 : inner + 2] in tuple(
            SPACES
        )
        before = self.text[self.place : opening]
        kept = before.rstrip(SPACES) if trim else before
        if kept:
            yield self.token(Kind.TEXT, kept)
        self.start = opening
        self.place = inner
        marker = 2 if trim else 0
        if self.text.startswith("/*", inner + marker):
            self.start = self.place = inner + marker
            self.comment()
            return
        yield self.token(Kind.LEFT)
        self.place += marker
        yield from self.lex_action()

    def comment(self) -> None:
        """Skip a comment and its closing delimiter."""
        end = self.text.find("*/", self.place + 2)
        if end < 0:
            raise MalformedError("unclosed comment")
        self.place = end + 2
        closing = CLOSING.match(self.text, self.place)
        if closing is None:
            raise MalformedError("comment ends before closing delimiter")
        self.close(closing)

    def close(self, closing: re.Match[str]) -> None:
        """Move behind a closing delimiter and the spaces it trims."""
        self.place = closing.end()
        if len(closing[0]) > len(RIGHT):
            spaces = SPACE.match(self.text, self.place)
            self.place = spaces.end() if spaces else self.place

    def lex_action(self) -> Iterator[Token]:
        """Yield the tokens of one action, including its closing delimiter."""
        depth = 0
        while True:
            self.start = self.place
            closing = CLOSING.match(self.text, self.place)
            if closing:
                if depth:
                    raise MalformedError("unclosed left paren")
                self.start = closing.end() - len(RIGHT)
                self.place = closing.end()
                yield self.token(Kind.RIGHT)
                self.close(closing)
                return
            found = self.next_token()
            depth += (found.kind is Kind.OPEN) - (found.kind is Kind.CLOSE)
            if depth < 0:
                raise MalformedError("unexpected right paren")
            yield found

    def next_token(self) -> Token:
        """Return the token at ``place``."""
        char = self.text[self.place : self.place + 1]
        if not char:
            raise MalformedError("unclosed action")
        if char in SPACES:
            return self.spaces()
        follower = self.text[self.place + 1 : self.place + 2]
        if char in "+-" or ("0" <= char <= "9") or (char == "." and "0" <= follower <= "9"):
            return self.numeral()
        if char in ".$":
            return self.member(Kind.FIELD if char == "." else Kind.VARIABLE)
        if is_word(char):
            return self.word()
        if char in "\"'`":
            return self.lex_quote(char)
        return self.mark(char)

    def mark(self, char: str) -> Token:
        """Return a mark of one or two characters."""
        self.place += 1
        if char == ":":
            if self.text[self.place : self.place + 1] != "=":
                raise MalformedError("expected :=")
            self.place += 1
            return self.token(Kind.DECLARE)
        kinds = {"=": Kind.ASSIGN, "|": Kind.PIPE, "(": Kind.OPEN, ")": Kind.CLOSE}
        if char in kinds:
            return self.token(kinds[char])
        if char.isascii() and char.isprintable():
            return self.token(Kind.CHAR)
        raise MalformedError(f"unrecognized character in action: {code_point(char)}")

    def spaces(self) -> Token:
        """Return a run of spaces, without the one that belongs to a trimming delimiter."""
        match = SPACE.match(self.text, self.place)
        self.place = match.end() if match else self.place
        if CLOSING.match(self.text, self.place - 1) and self.place - 1 > self.start:
            self.place -= 1
        return self.token(Kind.SPACE)

    def names(self) -> None:
        """Move behind a name, which has to end there."""
        while self.place < len(self.text) and is_word(self.text[self.place]):
            self.place += 1
        if not self.at_terminator():
            raise MalformedError(f"bad character {code_point(self.text[self.place])}")

    def at_terminator(self) -> bool:
        """Tell whether a name may end here."""
        char = self.text[self.place : self.place + 1]
        return not char or char in SPACES + TERMINATORS or self.text.startswith(RIGHT, self.place)

    def member(self, kind: Kind) -> Token:
        """Return ``.name``, ``$name``, or the dot or dollar alone."""
        self.place += 1
        if self.at_terminator():
            return self.token(Kind.DOT if kind is Kind.FIELD else kind)
        self.names()
        return self.token(kind)

    def word(self) -> Token:
        """Return a name, a keyword or a boolean."""
        self.names()
        word = self.text[self.start : self.place]
        if word in KEYWORDS:
            return self.token(Kind.KEYWORD)
        return self.token(Kind.BOOL if word in {"true", "false"} else Kind.IDENTIFIER)

    def numeral(self) -> Token:
        """Return a number; the parser evaluates it."""
        match = NUMERAL.match(self.text, self.place)
        self.place = match.end() if match else self.place
        follower = self.text[self.place : self.place + 1]
        if follower and (is_word(follower) or follower in "+-"):
            rest = NUMERAL.match(self.text, self.place)
            self.place = max(self.place + 1, rest.end() if rest and follower in "+-" else 0)
            raise MalformedError(f"bad number syntax: {quote(self.text[self.start : self.place])}")
        return self.token(Kind.NUMBER)

    def lex_quote(self, mark: str) -> Token:
        """Return a string or character constant as written."""
        name = {'"': "quoted string", "'": "character constant", "`": "raw quoted string"}[mark]
        end = self.place + 1
        while self.text[end : end + 1] != mark:
            char = self.text[end : end + 1]
            if mark != "`" and char == "\\":
                end += 1
                char = self.text[end : end + 1]
            if not char or (mark != "`" and char == "\n"):
                raise MalformedError(f"unterminated {name}")
            end += 1
        self.place = end + 1
        return self.token(Kind.CHARACTER if mark == "'" else Kind.STRING)
