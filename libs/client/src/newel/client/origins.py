"""Where an identity comes from: the constructors that `Identity` and `AsyncIdentity` share."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from newel.client import acme, enrolment
from newel.client.acme_events import Flow
from newel.client.enrolment import Enrolment
from newel.client.holder import Holder
from newel.client.trust import base_url
from newel.crypto import keys
from newel.crypto.keys import KeyKind, PrivateKey

if TYPE_CHECKING:
    from newel.client.acme_transport import Solver

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

Enrolled = TypeVar("Enrolled")
"""An identity, or what gives one when it is awaited."""


class Origin(NamedTuple):
    """An authority, and the exchange with it that yields a credential."""

    url: str
    root: str | None
    """PEM of what is trusted; None: what has the fingerprint."""
    fingerprint: str
    steps: Callable[[str], Enrolment]
    """The exchange, under a root."""


class ACMEOrigin(NamedTuple):
    """An ACME server, and the order that yields a chain for a key as often as it is placed."""

    directory: str
    root: str
    key: PrivateKey
    solver: "Solver"
    order: Callable[[], Flow[bytes]]


class EnrolledHolder(Holder, Generic[Enrolled]):
    """A holder that is enrolled by one of its constructors."""

    @classmethod
    @abstractmethod
    def _enrol(cls, origin: Origin) -> Enrolled:
        """Run the exchange and return the identity."""

    @classmethod
    @abstractmethod
    def _enrol_by_acme(cls, origin: ACMEOrigin) -> Enrolled:
        """Place the order and return the identity, which is renewed by placing it again."""

    @classmethod
    def from_token(
        cls,
        token: str,
        *,
        kind: KeyKind = KeyKind.P256,
        root: str | None = None,
        not_after: str = "",
    ) -> Enrolled:
        """Enrol by a one-time token, which names the authority and its root. Raises ClientError."""
        place = enrolment.place_of(token)
        steps = enrolment.by_token(token, key=keys.generate(kind), not_after=not_after)
        return cls._enrol(Origin(place.url, root, place.fingerprint, _under_any_root(steps)))

    @classmethod
    def from_password(
        cls,
        url: str,
        provisioner: str,
        password: str | bytes,
        names: Sequence[str],
        *,
        fingerprint: str = "",
        root: str | None = None,
        kind: KeyKind = KeyKind.P256,
        not_after: str = "",
    ) -> Enrolled:
        """Enrol by a JWK provisioner's password; the first name is the subject. Raises ClientError."""
        url = base_url(url)
        octets = password.encode() if isinstance(password, str) else password

        def steps(trusted: str) -> Enrolment:
            key = keys.generate(kind)
            return enrolment.by_password(
                url, trusted, provisioner, octets, names, key=key, not_after=not_after
            )

        return cls._enrol(Origin(url, root, fingerprint, steps))

    @classmethod
    def from_kubernetes(
        cls,
        url: str,
        root: str,
        names: Sequence[str],
        *,
        token_file: str | Path = SERVICE_ACCOUNT,
        kind: KeyKind = KeyKind.P256,
    ) -> Enrolled:
        """Enrol by the pod's service account; the first name is the subject. Raises ClientError, OSError."""
        token = Path(token_file).read_text()
        key = keys.generate(kind)
        steps = enrolment.by_token(token, key=key, subject=names[0], names=names)
        return cls._enrol(Origin(base_url(url), root, "", _under_any_root(steps)))

    @classmethod
    def from_acme(
        cls,
        directory: str,
        names: Sequence[str],
        solver: "Solver",
        *,
        root: str,
        kind: KeyKind = KeyKind.P256,
    ) -> Enrolled:
        """Enrol by ACME challenges that the solver answers; each renewal proves the names again."""
        key, account = keys.generate(kind), keys.generate()
        request = acme.make_order(key, names)
        return cls._enrol_by_acme(
            ACMEOrigin(
                directory, root, key, solver, lambda: acme.obtain(directory, account, request)
            )
        )


def _under_any_root(exchange: Enrolment) -> Callable[[str], Enrolment]:
    def steps(_root: str) -> Enrolment:
        return exchange

    return steps
