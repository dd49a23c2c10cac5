"""Functions on text."""

import re
import string
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.conversion import length, text, texts
from newel.gotemplate.literals import octets, quote, to_text
from newel.gotemplate.values import STRING_MAP_TYPE, Map, Slice

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def repeat(budget: Budget, count: int, value: str) -> str:
    """Return the text ``count`` times."""
    if count < 0:
        raise CallError("strings: negative Repeat count")
    budget.allocate(count * length(value))
    return value * count


def replace(budget: Budget, old: str, new: str, value: str) -> str:
    """Replace all occurrences."""
    budget.allocate(length(value) + (value.count(old) if old else len(value) + 1) * length(new))
    return value.replace(old, new)


def cut(budget: Budget, separator: str, value: str, most: int = -1) -> list[str]:
    """Split at separators; into single characters when the separator is empty."""
    if most == 0:
        return []
    if separator:
        parts = value.split(separator, most - 1 if most > 0 else -1)
    else:
        parts = (
            list(value) if most < 0 else [*value[: most - 1], *filter(None, [value[most - 1 :]])]
        )
    budget.allocate(len(parts))
    return parts


def split_list(budget: Budget, separator: str, value: str) -> Slice:
    """Split into a list."""
    return Slice(cut(budget, separator, value))


def split(budget: Budget, separator: str, value: str) -> Map:
    """Split into a map with keys ``_0``, ``_1`` and so on."""
    return number_parts(cut(budget, separator, value))


def split_number(budget: Budget, separator: str, most: int, value: str) -> Map:
    """Split into at most ``most`` parts, with keys ``_0``, ``_1`` and so on."""
    return number_parts(cut(budget, separator, value, most))


def number_parts(parts: list[str]) -> Map:
    """Return the parts with keys ``_0``, ``_1`` and so on."""
    return Map({f"_{place}": part for place, part in enumerate(parts)}, STRING_MAP_TYPE)


def join(budget: Budget, separator: str, value: Any) -> str:
    """Join a list's elements."""
    parts = texts(budget, value)
    budget.allocate(sum(map(length, parts)) + length(separator) * len(parts))
    return separator.join(parts)


def indent(budget: Budget, spaces: int, value: str) -> str:
    """Indent every line."""
    pad = repeat(budget, spaces, " ")
    return pad + replace(budget, "\n", "\n" + pad, value)


def indent_below(budget: Budget, spaces: int, value: str) -> str:
    """Indent every line and start with a new line."""
    return "\n" + indent(budget, spaces, value)


def truncate(count: int, value: str) -> str:
    """Return the first octets, or the last for a negative count."""
    body = octets(value)
    if count < 0 and len(body) + count > 0:
        return to_text(body[count:])
    return to_text(body[:count]) if 0 <= count < len(body) else value


def substr(start: int, end: int, value: str) -> str:
    """Return the octets from ``start`` to before ``end``."""
    body = octets(value)
    if start < 0:
        if not 0 <= end <= len(body):
            raise CallError(
                f"runtime error: slice bounds out of range [:{end}] with length {len(body)}"
            )
        return to_text(body[:end])
    stop = len(body) if end < 0 or end > len(body) else end
    if start > stop:
        raise CallError(f"runtime error: slice bounds out of range [{start}:{stop}]")
    return to_text(body[start:stop])


def abbreviate(width: int, value: str) -> str:
    """Shorten to a width, with an ellipsis."""
    return value if width < 4 or len(value) <= width else value[: width - 3] + "..."


def title(value: str) -> str:
    """Start every word with a capital."""
    return re.sub(r"(?<!\w)[^\W\d_]", lambda match: match[0].upper(), value)


def untitle(value: str) -> str:
    """Start every word with a small letter."""
    return re.sub(r"(?<!\S)\S", lambda match: match[0].lower(), value)


def initials(value: str) -> str:
    """Return the first character of every word."""
    return "".join(word[0] for word in value.split())


def swap_case(value: str) -> str:
    """Exchange upper and lower case."""
    return value.swapcase()


def quote_all(budget: Budget, *values: Any) -> str:
    """Put each value in double quotes."""
    texts_given = [text(budget, each) for each in values if each is not None]
    budget.step(sum(map(len, texts_given)) >> 3)
    return " ".join(map(quote, texts_given))


def single_quote(budget: Budget, *values: Any) -> str:
    """Put each value in single quotes."""
    return " ".join(f"'{text(budget, each)}'" for each in values if each is not None)


def cat(budget: Budget, *values: Any) -> str:
    """Join all values with spaces."""
    return " ".join(text(budget, each) for each in values if each is not None).strip()


def wrap(budget: Budget, width: int, value: str) -> str:
    """Break into lines of at most ``width``; longer words stay whole."""
    return wrap_lines(budget, value, width, "\n", long_words=False)


def wrap_with(budget: Budget, width: int, separator: str, value: str) -> str:
    """Break into lines with another separator; longer words are cut."""
    return wrap_lines(budget, value, width, separator, long_words=True)


def wrap_lines(budget: Budget, value: str, width: int, separator: str, *, long_words: bool) -> str:
    """Break lines at spaces."""
    width = max(width, 1)
    rest, lines = value, list[str]()
    while len(rest) > width:
        budget.step()
        if rest[0] == " ":
            rest = rest[1:]
            continue
        space = rest.rfind(" ", 0, width + 1)
        if space < 0 and not long_words:
            space = rest.find(" ", width)
            if space < 0:
                break
        place = space if space >= 0 else width
        lines.append(rest[:place])
        rest = rest[place + (space >= 0) :]
    budget.allocate(len(value) + len(lines) * length(separator))
    return separator.join([*lines, rest])


def plural(one: str, many: str, count: int) -> str:
    """Return the singular for a count of 1, else the plural."""
    return one if count == 1 else many


def letters(budget: Budget, count: int, alphabet: str) -> str:
    """Return unpredictable characters, each of the alphabet equally likely."""
    fair = 256 - 256 % len(alphabet)
    found: list[str] = []
    while len(found) < count:
        octet = budget.random(1)[0]
        budget.step()
        if octet < fair:
            found.append(alphabet[octet % len(alphabet)])
    return "".join(found)


def random_of(alphabet: str) -> Any:
    """Return a function for unpredictable characters of the alphabet."""

    def function(budget: Budget, count: int) -> str:
        return letters(budget, count, alphabet)

    return function


def uuid(budget: Budget) -> str:
    """Return a random UUID (RFC 9562 §5.4)."""
    body = bytearray(budget.random(16))
    body[6] = body[6] & 0x0F | 0x40
    body[8] = body[8] & 0x3F | 0x80
    name = body.hex()
    return "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))


FUNCTIONS: Functions = {
    "hello": declare("", lambda: "Hello!"),
    "trim": declare("string", lambda value: value.strip(SPACE)),
    "trimall": declare(
        "string string", lambda marks, value: value.strip(marks) if marks else value
    ),
    "trimAll": declare(
        "string string", lambda marks, value: value.strip(marks) if marks else value
    ),
    "trimSuffix": declare("string string", lambda end, value: value.removesuffix(end)),
    "trimPrefix": declare("string string", lambda start, value: value.removeprefix(start)),
    "upper": declare("string", str.upper),
    "lower": declare("string", str.lower),
    "title": declare("string", title),
    "untitle": declare("string", untitle),
    "swapcase": declare("string", swap_case),
    "nospace": declare("string", lambda value: "".join(value.split())),
    "initials": declare("string", initials),
    "abbrev": declare("int string", abbreviate),
    "trunc": declare("int string", truncate),
    "substr": declare("int int string", substr),
    "repeat": declare("int string", repeat, bounded=True),
    "replace": declare("string string string", replace, bounded=True),
    "contains": declare("string string", lambda part, value: part in value),
    "hasPrefix": declare("string string", lambda part, value: value.startswith(part)),
    "hasSuffix": declare("string string", lambda part, value: value.endswith(part)),
    "quote": declare("...any", quote_all, bounded=True),
    "squote": declare("...any", single_quote, bounded=True),
    "cat": declare("...any", cat, bounded=True),
    "indent": declare("int string", indent, bounded=True),
    "nindent": declare("int string", indent_below, bounded=True),
    "wrap": declare("int string", wrap, bounded=True),
    "wrapWith": declare("int string string", wrap_with, bounded=True),
    "plural": declare("string string int", plural),
    "toString": declare("any", text, bounded=True),
    "toStrings": declare("any", texts, bounded=True),
    "split": declare("string string", split, bounded=True),
    "splitn": declare("string int string", split_number, bounded=True),
    "splitList": declare("string string", split_list, bounded=True),
    "join": declare("string any", join, bounded=True),
    "randAlphaNum": declare("int", random_of(string.ascii_letters + string.digits), bounded=True),
    "randAlpha": declare("int", random_of(string.ascii_letters), bounded=True),
    "randNumeric": declare("int", random_of(string.digits), bounded=True),
    "randAscii": declare("int", random_of("".join(map(chr, range(32, 127)))), bounded=True),
    "uuidv4": declare("", uuid, bounded=True),
}
