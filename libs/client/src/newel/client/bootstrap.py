"""The first contact: an authority is known by its address and the fingerprint of its root, by nothing else.

The root is fetched from any server that answers and believed for its fingerprint alone. Then it is fetched again
from a server that must prove itself under that root: a stranger can repeat the right root, which is
public, but has no certificate below it.
"""

from newel.client import calls
from newel.client.authority import SECONDS, USER_AGENT, Authority
from newel.client.trust import client_tls, unverified_tls


def fetch_root(
    url: str, fingerprint: str, *, seconds: float = SECONDS, user_agent: str = USER_AGENT
) -> str:
    """Return the root of an authority, PEM, checked against its fingerprint. Raises ClientError."""
    call = calls.root(fingerprint)
    with Authority(url, unverified_tls(), seconds=seconds, user_agent=user_agent) as anybody:
        root = anybody.send(call)
    with Authority(url, client_tls(root), seconds=seconds, user_agent=user_agent) as proven:
        return proven.send(call)
