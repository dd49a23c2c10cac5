"""A first start that did not reach its end: its files are removed, and no one else's ever are.

Where ``ca.json`` is missing the folder may be an authority whose configuration was lost, one of the step tools
in a context, or a client's STEPPATH. Their keys cannot be made again.
"""

from collections.abc import Iterator
from pathlib import Path

from newel.runtime.config import ConfigError
from newel.standalone.layout import Layout

MOST_NAMED = 4


def require_nothing_of_others(layout: Layout) -> None:
    """Raise ConfigError where the folder has files of an authority that this first start did not begin."""
    if mark(layout).exists():
        return
    found = [str(path.relative_to(layout.state)) for path in remains(layout) if path.exists()]
    if found:
        more = " and others" if len(found) > MOST_NAMED else ""
        raise ConfigError(
            f"{layout.ca_json} is missing, and {layout.state} has {', '.join(found[:MOST_NAMED])}{more}:"
            " bring ca.json back from a backup, or name another folder by --state to begin a new authority"
        )


def begin(layout: Layout) -> None:
    """Mark the folder as one in which a first start is at work, and remove what an earlier one left."""
    mark(layout).touch(mode=0o600)
    for path in remains(layout):
        path.unlink(missing_ok=True)


def end(layout: Layout) -> None:
    """Take the mark away: from now on everything in the folder is an authority's."""
    mark(layout).unlink(missing_ok=True)


def mark(layout: Layout) -> Path:
    """Return the empty file that marks it."""
    return layout.lock.with_name("first-start")


def remains(layout: Layout) -> Iterator[Path]:
    """Everything of value that a first start makes, or a service afterwards."""
    yield from (
        layout.root_certificate,
        layout.root_key,
        layout.intermediate_certificate,
        layout.intermediate_key,
        layout.responder_certificate,
        layout.responder_key,
        layout.root_crl,
        layout.ceremony,
        layout.administrator_certificate,
        layout.administrator_key,
        layout.defaults_json,
    )
    yield from sorted((layout.state / "secrets").glob("ssh_*_ca_key"))
    yield from sorted((layout.state / "db").glob("*.sqlite"))
