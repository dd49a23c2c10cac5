"""Where the databases of the services are: SQLite files of the state folder, or the PostgreSQL of ca.json."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from newel.step.ca_json import DB

POSTGRESQL = "postgresql"
_PAIR = re.compile(r"\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)")
_ESCAPE = re.compile(r"\\(.)")
_PLACE = frozenset(("host", "port", "user", "password", "dbname"))


def is_postgresql(db: DB | None) -> bool:
    """Tell whether ca.json names a PostgreSQL server."""
    return db is not None and db.type.lower() == POSTGRESQL


def postgresql_url(db: DB, service: str) -> str:
    """Return the URL of one service's schema: ``newel_issuing`` and so on, beside step-ca's own tables.

    Raises ValueError for a connection string that is neither a URL nor a list of ``name=value``.
    """
    text = db.data_source.strip()
    url = text if "://" in text else _from_pairs(text)
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("db.dataSource: write postgresql://USER@HOST:PORT/DATABASE")
    query = {**dict(parse_qsl(parts.query)), "schema": f"newel_{service}"}
    path = f"/{quote(db.database, safe='')}" if db.database else parts.path
    return f"postgresql://{parts.netloc}{path}?{urlencode(query)}"


def _from_pairs(text: str) -> str:
    """Return the URL for ``host=… user=…``, as libpq writes connection strings."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text.rstrip()):
        match = _PAIR.match(text, position)
        if match is None:
            raise ValueError("db.dataSource: write postgresql://USER@HOST:PORT/DATABASE")
        found[match[1]] = _ESCAPE.sub(r"\1", match[2] if match[2] is not None else match[3])
        position = match.end()
    user, password = (quote(found.get(name, ""), safe="") for name in ("user", "password"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    others = {name: value for name, value in found.items() if name not in _PLACE}
    host, port = found.get("host", ""), found.get("port", "")
    if host.startswith("/"):  # a folder of sockets
        others["host"], host = host, ""
    place = f"[{host}]" if ":" in host else host
    netloc = f"{login}{place}{f':{port}' if port else ''}"
    path = f"/{quote(found.get('dbname', ''), safe='')}"
    return f"postgresql://{netloc}{path}?{urlencode(others)}"
