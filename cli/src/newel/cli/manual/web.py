"""A page in HTML, plain enough for any browser; style.css stands at the top of the tree."""

from html import escape

from newel.cli.manual.pages import Page, Row

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #8882; padding: .6rem .8rem; overflow-x: auto; }
dt { font-family: ui-monospace, monospace; font-weight: 600; }
dd { margin: 0 0 .6rem 2rem; }
"""


def render(page: Page) -> str:
    """Return the file's content."""
    top = "../" * len(page.words)
    body = [f"<h1>{escape(page.name)}</h1>", f"<p>{escape(page.summary)}</p>"]
    body.append(f"<h2>Usage</h2>\n<pre>{escape(page.usage)}</pre>")
    for section in page.sections:
        links = page.commands if section.title == "Commands" else []
        rows = "\n".join(entry(row, links) for row in section.rows)
        body.append(f"<h2>{escape(section.title)}</h2>\n<dl>\n{rows}\n</dl>")
        if section.note:
            body.append(f"<p>{escape(section.note)}</p>")
    if page.examples:
        body.append("<h2>Examples</h2>")
        body += [
            f"<p>{escape(said)}:</p>\n<pre>$ {escape(line)}</pre>" for said, line in page.examples
        ]
    if page.words:
        body.append('<p><a href="../index.html">back</a></p>')
    head = (
        f'<meta charset="utf-8"><title>{escape(page.name)}</title>'
        f'<link rel="stylesheet" href="{top}style.css">'
    )
    return "\n".join(
        (f'<!doctype html>\n<html lang="en"><head>{head}</head><body>', *body, "</body></html>\n")
    )


def entry(row: Row, links: list[str]) -> str:
    """Return a name and its meaning; a word that leads on is a link."""
    name, meaning = map(escape, row)
    shown = f'<a href="{name}/index.html">{name}</a>' if name in links else name
    return f"<dt>{shown}</dt><dd>{meaning}</dd>"
