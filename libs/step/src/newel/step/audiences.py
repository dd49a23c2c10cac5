"""Whom a token is for: the audiences an authority accepts, and how they are compared.

Ports are dropped on both sides, hosts compare without case, a fragment (``#x5c/<name>``) names the
provisioner. One element of ``aud`` that matches is enough; a prefix never is.
"""

import enum
import functools
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

_LEGACY = "step-certificate-authority"  # tokens of the first releases name no host


class Method(enum.Enum):
    """What a token may be used for. The value is the list of paths its audience may name."""

    SIGN = ("/1.0/sign", "/sign")
    RENEW = ("/1.0/renew", "/renew")
    REKEY = ("/1.0/rekey", "/rekey")
    REVOKE = ("/1.0/revoke", "/revoke")
    SSH_SIGN = ("/1.0/ssh/sign", "/ssh/sign", "/1.0/sign", "/sign")
    SSH_REVOKE = ("/1.0/ssh/revoke", "/ssh/revoke")
    SSH_RENEW = ("/1.0/ssh/renew", "/ssh/renew")
    SSH_REKEY = ("/1.0/ssh/rekey", "/ssh/rekey")


# The old audience says neither host nor purpose, so it stands for one purpose only.
_TAKES_LEGACY = frozenset({Method.SIGN})


class Audiences:
    """The audiences of one authority, which is reached under ``names`` (DNS names, IP addresses)."""

    def __init__(self, names: Iterable[str]) -> None:
        hosts = [f"[{name}]" if ":" in name else name for name in names]
        self._accepted: dict[Method, frozenset[str]] = {
            method: frozenset(
                [f"https://{host.lower()}{path}" for host in hosts for path in method.value]
                + ([_LEGACY] if method in _TAKES_LEGACY else [])
            )
            for method in Method
        }

    def accepts(self, method: Method, audience: Sequence[str], fragment: str = "") -> bool:
        """Whether one element of ``aud`` names this authority, the method and the fragment."""
        accepted = self._accepted[method]
        return any(_without_port(item, fragment) in accepted for item in audience)


def fragment(audience: Sequence[str]) -> str:
    """Return what follows the ``#`` of the first element that has one, decoded, else ``""``."""
    found = next((part for item in audience for _, _, part in [item.partition("#")] if part), "")
    return unquote(found) if "%" in found else found


@functools.lru_cache(maxsize=256)  # clients of one authority write few different ones
def _without_port(audience: str, expected_fragment: str) -> str:
    """Return the audience as the accepted list has it; ``""`` where it can match nothing."""
    if audience.partition("#")[0] == _LEGACY:
        return _LEGACY if fragment([audience]) == expected_fragment else ""
    try:
        url = urlsplit(audience)
        _ = url.port
    except ValueError:
        return ""
    host = url.hostname or ""
    if url.scheme != "https" or url.query or url.username is not None:
        return ""
    if unquote(url.fragment) != expected_fragment:
        return ""
    return f"https://{f'[{host}]' if ':' in host else host}{url.path}"
