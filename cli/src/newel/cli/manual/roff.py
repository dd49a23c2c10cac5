"""A page for `man`, in the macros of man(7)."""

import textwrap

from newel.cli.manual.pages import Page
from newel.cli.program import RELEASED, VERSION

TITLES = {"Flags": "OPTIONS", "Flags of every command": "OPTIONS OF EVERY COMMAND"}


def name(page: Page) -> str:
    """Return the name of a page for `man`: newel-ca-renew."""
    return "-".join(("newel", *page.words))


def render(page: Page) -> str:
    """Return the file's content."""
    lines = [
        f'.TH {name(page).upper()} 1 {RELEASED} "Newel {VERSION}"',
        ".SH NAME",
        f"{literal(name(page))} \\-",
        text(page.summary),
        ".SH SYNOPSIS",
        f".B {literal(page.usage)}",
    ]
    for section in page.sections:
        lines.append(f".SH {TITLES.get(section.title, section.title.upper())}")
        for term, meaning in section.rows:
            lines += [".TP", f".B {literal(term)}", text(meaning)]
        if section.note:
            lines += [".PP", text(section.note)]
    if page.examples:
        lines.append(".SH EXAMPLES")
        for said, line in page.examples:
            lines += [text(f"{said}:"), ".PP", ".RS 4", ".nf", literal(line), ".fi", ".RE", ".PP"]
        del lines[-1]
    return "\n".join([*lines, *see_also(page)]) + "\n"


def see_also(page: Page) -> list[str]:
    """Return the pages above and below this one."""
    above = [name(page._replace(words=page.words[:-1]))] if page.words else []
    below = [f"{name(page)}-{word}" for word in page.commands]
    found = [f".BR {literal(other)} (1)" for other in sorted((*above, *below))]
    return [".SH SEE ALSO", *(f"{line} ," for line in found[:-1]), found[-1]]


def text(said: str) -> str:
    """Return sentences in which nothing is markup, in lines of their own."""
    lines = textwrap.wrap(said, 78, break_on_hyphens=False, break_long_words=False)
    return "\n".join(map(plain, lines))


def plain(line: str) -> str:
    """Escape a line so that it is no macro."""
    shown = line.replace("\\", "\\e")
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown


def literal(said: str) -> str:
    """Escape text that is typed literally: its dashes and quotes stay as on the keyboard."""
    shown = plain(said).replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return shown.replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")
