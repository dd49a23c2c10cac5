"""The pages as a tree of files."""

import json
from pathlib import Path

from newel.cli.errors import CliError
from newel.cli.manual.pages import Page, every_page


def write(form: str, directory: str, *, report: bool = False) -> None:
    """Write every page in a form: html, markdown or man; with ``report`` its report.json as well."""
    top = Path(directory)
    pages = list(every_page())
    found = FORMS[form](pages)
    if report and form != "man":
        from newel.cli.manual.report import report as reported

        found["report.json"] = json.dumps(reported(pages), indent=2, ensure_ascii=False) + "\n"
    try:
        for name, content in found.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CliError(f"open {error.filename or top}: {cause}") from None


def as_html(pages: list[Page]) -> dict[str, str]:
    """Return the tree with a folder for each word and an index in each."""
    from newel.cli.manual import web

    indexes = {"/".join((*page.words, "index.html")): web.render(page) for page in pages}
    return {**indexes, "style.css": web.STYLE}


def as_markdown(pages: list[Page]) -> dict[str, str]:
    """Return the same tree for Markdown."""
    from newel.cli.manual import markdown

    return {"/".join((*page.words, "README.mdx")): markdown.render(page) for page in pages}


def as_man(pages: list[Page]) -> dict[str, str]:
    """One file beside the other in section 1."""
    from newel.cli.manual import roff

    return {f"man1/{roff.name(page)}.1": roff.render(page) for page in pages}


FORMS = {"html": as_html, "markdown": as_markdown, "man": as_man}
