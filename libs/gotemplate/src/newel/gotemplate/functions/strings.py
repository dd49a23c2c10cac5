"""Functions on text."""

import re
import string
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.conversion import length, text, texts
from newel.gotemplate.literals import octets, quote, to_text
from newel.gotemplate.values import Map, Slice

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def repeat(budget: Budget, count: int, value: str) -> str:
    """The text so many times."""
    if count < 0:
        raise CallError("strings: negative Repeat count")
    budget.allocate(count * length(value))
    return value * count


def replace(budget: Budget, old: str, new: str, value: str) -> str:
    """All occurrences replaced."""
    budget.allocate(length(value) + (value.count(old) if old else len(value) + 1) * length(new))
    return value.replace(old, new)


def cut(budget: Budget, separator: str, value: str, most: int = -1) -> list[str]:
    """The parts between separators; single characters when it is empty."""
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
    """The parts as a list."""
    return Slice(cut(budget, separator, value))


def split(budget: Budget, separator: str, value: str) -> Map:
    """The parts as ``_0``, ``_1`` and so on."""
    return number_parts(cut(budget, separator, value))


def split_number(budget: Budget, separator: str, most: int, value: str) -> Map:
    """At most so many parts, as ``_0``, ``_1`` and so on."""
    return number_parts(cut(budget, separator, value, most))


def number_parts(parts: list[str]) -> Map:
    """Parts by name."""
    return Map({f"_{place}": part for place, part in enumerate(parts)}, "map[string]string")


def join(budget: Budget, separator: str, value: Any) -> str:
    """A list's elements as one text."""
    parts = texts(budget, value)
    budget.allocate(sum(map(length, parts)) + length(separator) * len(parts))
    return separator.join(parts)


def indent(budget: Budget, spaces: int, value: str) -> str:
    """Every line so far from the margin."""
    pad = repeat(budget, spaces, " ")
    return pad + replace(budget, "\n", "\n" + pad, value)


def indent_below(budget: Budget, spaces: int, value: str) -> str:
    """The same, on a new line."""
    return "\n" + indent(budget, spaces, value)


def truncate(count: int, value: str) -> str:
    """The first octets, or with a negative count the last."""
    body = octets(value)
    if count < 0 and len(body) + count > 0:
        return to_text(body[count:])
    return to_text(body[:count]) if 0 <= count < len(body) else value


def substr(start: int, end: int, value: str) -> str:
    """From one octet to another."""
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
    """Cut to a width, with an ellipsis."""
    return value if width < 4 or len(value) <= width else value[: width - 3] + "..."


def title(value: str) -> str:
    """Every word with a capital."""
    return re.sub(r"(?<!\w)[^\W\d_]", lambda match: match[0].upper(), value)


def untitle(value: str) -> str:
    """Every word without its capital."""
    return re.sub(r"(?<!\S)\S", lambda match: match[0].lower(), value)


def initials(value: str) -> str:
    """The first character of every word."""
    return "".join(word[0] for word in value.split())


def swap_case(value: str) -> str:
    """Capitals small; small letters large, those at the start of a word as titles."""
    return value.swapcase()


def quote_all(budget: Budget, *values: Any) -> str:
    """Each in double quotes."""
    texts_given = [text(budget, each) for each in values if each is not None]
    budget.step(sum(map(len, texts_given)) >> 3)
    return " ".join(map(quote, texts_given))


def single_quote(budget: Budget, *values: Any) -> str:
    """Each in single quotes."""
    return " ".join(f"'{text(budget, each)}'" for each in values if each is not None)


def cat(budget: Budget, *values: Any) -> str:
    """All with spaces between them."""
    return " ".join(text(budget, each) for each in values if each is not None).strip()


def wrap(budget: Budget, width: int, value: str) -> str:
    """Lines no longer than ``width``; words that are stay whole."""
    return wrap_lines(budget, value, width, "\n", long_words=False)


def wrap_with(budget: Budget, width: int, separator: str, value: str) -> str:
    """The same with another line end, and long words cut."""
    return wrap_lines(budget, value, width, separator, long_words=True)


def wrap_lines(budget: Budget, value: str, width: int, separator: str, *, long_words: bool) -> str:
    """Lines broken at spaces."""
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
    """The word for one, or the word for any other number."""
    return one if count == 1 else many


def letters(budget: Budget, count: int, alphabet: str) -> str:
    """Unpredictable characters of an alphabet, each as likely as the other."""
    fair = 256 - 256 % len(alphabet)
    found: list[str] = []
    while len(found) < count:
        octet = budget.random(1)[0]
        budget.step()
        if octet < fair:
            found.append(alphabet[octet % len(alphabet)])
    return "".join(found)


def random_of(alphabet: str) -> Any:
    """A function that gives so many characters of the alphabet."""

    def function(budget: Budget, count: int) -> str:
        return letters(budget, count, alphabet)

    return function


def uuid(budget: Budget) -> str:
    """A random UUID (RFC 9562 §5.4)."""
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
