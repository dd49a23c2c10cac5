"""Functions on slash-separated paths and on URLs."""

import posixpath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.values import kind_name

SAFE_PATH = "$&+,/:;=@!'()*~"


def clean(path: str) -> str:
    """Return the shortest equivalent path."""
    found = posixpath.normpath(path) if path else "."
    return found[1:] if found.startswith("//") else found


def base(path: str) -> str:
    """Return the last element."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def extension(path: str) -> str:
    """Return the last element's suffix, with its dot."""
    _, dot, end = path.rpartition("/")[2].rpartition(".")
    return dot + end if dot else ""


def directory(path: str) -> str:
    """Return all but the last element."""
    head, slash, _ = path.rpartition("/")
    return clean(head + slash)


def url_parts(value: str) -> dict[str, Any]:
    """Return a URL's parts by name."""
    try:
        found = urlsplit(value)
        port = found.port
    except ValueError as error:
        raise CallError(f"unable to parse url: {error}") from None
    userinfo, at, host = found.netloc.rpartition("@")
    hostname = host.removesuffix(f":{port}") if port is not None else host
    opaque = bool(found.scheme) and not found.netloc and not found.path.startswith("/")
    return {
        "scheme": found.scheme,
        "host": host,
        "hostname": hostname.strip("[]"),
        "path": "" if opaque else unquote(found.path),
        "query": found.query,
        "opaque": found.path if opaque else "",
        "fragment": unquote(found.fragment),
        "userinfo": userinfo if at else "",
    }


def url_of(parts: dict[str, Any] | None) -> str:
    """Return the URL with these parts."""
    known: dict[str, str] = {}
    for name, value in (parts or {}).items():
        if not isinstance(value, str):
            found = f"must be of type string, but {kind_name(value)} found"
            raise CallError(f"unable to parse {name} key, {found}")
        known[name] = value
    scheme = f"{known['scheme']}:" if known.get("scheme") else ""
    query = f"?{known['query']}" if known.get("query") else ""
    fragment = f"#{quote(known['fragment'], safe=SAFE_PATH)}" if known.get("fragment") else ""
    if known.get("opaque"):
        return f"{scheme}{known['opaque']}{query}{fragment}"
    user = f"{known['userinfo']}@" if known.get("userinfo") else ""
    host = f"//{user}{known.get('host', '')}" if user or known.get("host") else ""
    path = quote(known.get("path", ""), safe=SAFE_PATH)
    slash = "/" if host and path and not path.startswith("/") else ""
    return f"{scheme}{host}{slash}{path}{query}{fragment}"


PATHS: Functions = {
    "Base": declare("string", base),
    "Dir": declare("string", directory),
    "Clean": declare("string", clean),
    "Ext": declare("string", extension),
    "IsAbs": declare("string", lambda path: path.startswith("/")),
}
FUNCTIONS: Functions = {
    **{name[0].lower() + name[1:]: function for name, function in PATHS.items()},
    **{f"os{name}": function for name, function in PATHS.items()},
    "urlParse": declare("string", url_parts),
    "urlJoin": declare("map", url_of),
}
