"""The pages as data: how many words and lines each part has, for those who look after the texts."""

from typing import Any

from newel.cli.manual.pages import Page


def report(pages: list[Page]) -> dict[str, Any]:
    """Return the content of report.json: every command by name with its parts."""
    return {"report": [describe(page) for page in pages]}


def describe(page: Page) -> dict[str, Any]:
    """One command."""
    sections = [part(page, "Usage", page.usage)]
    sections += [
        part(page, section.title, "\n".join(f"{name}\n{meaning}" for name, meaning in section.rows))
        for section in page.sections
    ]
    if page.examples:
        said = "\n".join(f"{meaning}:\n$ {line}" for meaning, line in page.examples)
        sections.append(part(page, "Examples", said))
    return part(page, "Name", f"{page.name} - {page.summary}") | {"sections": sections}


def part(page: Page, title: str, text: str) -> dict[str, Any]:
    """One text and its size."""
    return {
        "command": page.name,
        "name": title,
        "text": text,
        "words": len(text.split()),
        "lines": len(text.splitlines()),
        "sections": None,
    }
