"""A certification request of the cluster becomes a certificate of an issuer's authority."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from newel.client.calls import IssuedCertificate, sign
from newel.crypto import csr, loading, pem
from newel.crypto.distinguished_names import COMMON_NAME
from newel.crypto.dns_names import UNDERSCORES
from newel.crypto.keys import spki
from newel.durations.go import format_duration
from newel.kubernetes import usages
from newel.kubernetes.authority_link import AuthorityLink
from newel.kubernetes.credentials import Credentials
from newel.kubernetes.errors import InvalidRequestError, IssuerError, OutageError, RefusalError
from newel.runtime.clock import Clock

TOLERANCE = dt.timedelta(minutes=5)
"""By which a lifetime may differ from the one asked for: authorities backdate, and clocks differ."""
_TOKEN_AGE = 240.0
"""Seconds for which the token of a request that got no answer is tried again."""


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """What a resource asks for."""

    request: bytes
    """The certification request in PEM."""
    duration: dt.timedelta | None
    usages: Sequence[str]
    facts: Mapping[str, Any]
    """What a template may know of the resource: ``.Insecure.User.kubernetes``."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for a resource, in PEM each."""

    chain: bytes
    """Leaf first, without the root."""
    root: bytes
    """The root it leads to."""
    leaf: x509.Certificate


@dataclass(slots=True)
class Issuance:
    """Asks authorities for certificates.

    A request whose answer got lost is sent again with the same token, so that the authority gives the
    certificate that it made already instead of another one.
    """

    clock: Clock
    _kept: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])

    async def issue(
        self,
        attempt: str,
        asked: ResourceRequest,
        link: AuthorityLink,
        credentials: Credentials,
        roots: Sequence[str],
    ) -> Certificate:
        """Return a certificate that is what was asked for; ``attempt`` identifies the resource.

        Raises InvalidRequestError, RefusalError, IssuerError or OutageError.
        """
        parsed = read_request(asked)
        subject = next((each.value for each in parsed.subject if each.oid == COMMON_NAME), "")
        names = [str(each) for each in parsed.names] or ([subject] if subject else [])
        if not names:
            raise InvalidRequestError("The certification request names nothing.")
        token = await self._find_token(attempt, credentials, subject or names[0], names)
        call = sign(
            pem.encode(parsed.der, "CERTIFICATE REQUEST").decode(),
            token,
            not_after=format_duration(asked.duration) if asked.duration else "",
            template_data={"kubernetes": dict(asked.facts)},
        )
        try:
            answer = await link.send(call)
        except OutageError:
            raise
        except (RefusalError, IssuerError):
            self.forget(attempt)
            raise
        self.forget(attempt)
        return self._check(asked, parsed, answer, roots)

    def forget(self, attempt: str) -> None:
        """Forget the token of an attempt."""
        self._kept.pop(attempt, None)

    async def _find_token(
        self, attempt: str, credentials: Credentials, subject: str, names: list[str]
    ) -> str:
        now = self.clock.unix()
        kept = self._kept.get(attempt)
        if kept is not None and 0 <= now - kept[1] < _TOKEN_AGE:
            return kept[0]
        token = await credentials.make_token(subject, names)
        self._kept[attempt] = token, now
        return token

    def _check(
        self,
        asked: ResourceRequest,
        parsed: csr.VerifiedRequest,
        answer: IssuedCertificate,
        roots: Sequence[str],
    ) -> Certificate:
        """Check that the answer is what was asked for. Raises RefusalError or OutageError."""
        try:
            chain = [loading.load_pem_certificate(each.encode()) for each in answer.chain]
            anchors = [loading.load_pem_certificate(each.encode()) for each in roots]
            leaf = chain[0]
            key = spki(loading.read_public_key(leaf))  # pyright: ignore[reportArgumentType] - compared only
        except (loading.CertificateError, ValueError) as error:
            raise OutageError(f"The authority's answer cannot be used: {error}.") from None
        if key != parsed.spki:
            raise RefusalError("The authority answered with a certificate of another key.")
        if asked.duration is not None:
            end = self.clock.now() + asked.duration
            if abs(leaf.not_valid_after_utc - end) > TOLERANCE:
                raise RefusalError(
                    f"The authority gave a certificate until {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} "
                    f"where {format_duration(asked.duration)} were asked for."
                )
        usages.check_granted(asked.usages, leaf)
        root = next((each for each in anchors if loading.is_issued_by(chain[-1], each)), None)
        if root is None:
            raise OutageError(
                "The certificate leads to none of the roots that the authority shows."
            )
        from cryptography.hazmat.primitives.serialization import Encoding

        return Certificate(answer.pem, root.public_bytes(Encoding.PEM), leaf)


def read_request(asked: ResourceRequest) -> csr.VerifiedRequest:
    """Read a certification request whose signature and usages are right.

    Raises InvalidRequestError or RefusalError.
    """
    try:
        parsed = csr.parse_request(asked.request, UNDERSCORES)
        usages.check_asked(asked.usages, loading.load_request(parsed.der))
    except (csr.CSRError, loading.CertificateError, x509.DuplicateExtension) as error:
        raise InvalidRequestError(f"The certification request cannot be used: {error}.") from None
    return parsed
