"""A page in Markdown, with the front matter that site builders read a title from."""

import re

from newel.cli.manual.pages import Page, Row

SPECIAL = re.compile(r"([\\`*_{}<>|\[\]])")


def render(page: Page) -> str:
    """Return the file's content."""
    parts = [
        f"---\ntitle: {page.name}\n---",
        f"## Name\n**{page.name}** -- {escape(page.summary)}",
        f"## Usage\n\n```raw\n{page.usage}\n```",
    ]
    for section in page.sections:
        links = page.commands if section.title == "Commands" else []
        rows = "\n".join(table_row(row, links) for row in section.rows)
        parts.append(f"## {section.title}\n\n| Name | Meaning |\n|---|---|\n{rows}")
        if section.note:
            parts.append(escape(section.note))
    if page.examples:
        parts.append("## Examples")
        parts += [f"{escape(said)}:\n```shell\n$ {line}\n```" for said, line in page.examples]
    return "\n\n".join(parts) + "\n"


def table_row(row: Row, links: list[str]) -> str:
    """One line of a table; a word that leads on is a link."""
    name, meaning = row
    shown = f"[{name}]({name}/)" if name in links else escape(name)
    return f"| **{shown}** | {escape(meaning)} |"


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return SPECIAL.sub(r"\\\1", text)
