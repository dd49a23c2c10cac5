"""What an identity comes from, said once for threads and event loops: where to ask, whom to trust, what to say."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from newel.client import enrolment
from newel.client.enrolment import Enrolment
from newel.client.trust import base_url
from newel.crypto import keys
from newel.crypto.keys import KeyKind

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Origin(NamedTuple):
    """An authority, and the exchange with it that yields a credential."""

    url: str
    root: str | None
    """PEM of what is trusted; None: what has the fingerprint."""
    fingerprint: str
    steps: Callable[[str], Enrolment]
    """The exchange, under a root."""


def token(text: str, kind: KeyKind, root: str | None, not_after: str) -> Origin:
    """Enrol by a one-time token, which names the authority and its root. Raises TokenError."""
    place = enrolment.place_of(text)
    steps = enrolment.by_token(text, key=keys.generate(kind), not_after=not_after)
    return Origin(place.url, root, place.fingerprint, under_any_root(steps))


def password(
    url: str,
    provisioner: str,
    secret: str | bytes,
    names: Sequence[str],
    *,
    fingerprint: str,
    root: str | None,
    kind: KeyKind,
    not_after: str,
) -> Origin:
    """Enrol by the password of a JWK provisioner; the first name is the subject."""
    url = base_url(url)
    octets = secret.encode() if isinstance(secret, str) else secret

    def steps(trusted: str) -> Enrolment:
        key = keys.generate(kind)
        return enrolment.by_password(
            url, trusted, provisioner, octets, names, key=key, not_after=not_after
        )

    return Origin(url, root, fingerprint, steps)


def kubernetes(
    url: str, root: str, names: Sequence[str], token_file: str | Path, kind: KeyKind
) -> Origin:
    """Enrol by the token of the pod's service account. Raises OSError, TokenError.

    The first name is the subject.
    """
    text = Path(token_file).read_text()
    key = keys.generate(kind)
    steps = enrolment.by_token(text, key=key, subject=names[0], names=names)
    return Origin(base_url(url), root, "", under_any_root(steps))


def under_any_root(steps: Enrolment) -> Callable[[str], Enrolment]:
    """Return an exchange that does not depend on the root."""

    def under(_root: str) -> Enrolment:
        return steps

    return under
