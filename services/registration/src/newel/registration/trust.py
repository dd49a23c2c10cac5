"""The roots and intermediates of this authority, and the responses built from them.

The parts of a response that are the same for all certificates of an issuer are encoded once: a
response to ``/sign`` joins five pieces of JSON.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from cryptography import x509

from newel.crypto import loading, pem
from newel.crypto.name_constraints import NameConstraints, name_constraints
from newel.registration.issuance import IssuerRecord
from newel.step.fingerprint import fingerprint
from newel.step.messages import CertificatesResponse, RootResponse, TLSOptions

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer, and the pieces of a response that are the same for all its certificates."""

    id: str
    chain: tuple[bytes, ...]
    """DER: the issuer first, up to but not including the root."""
    certificates: tuple[x509.Certificate, ...]
    """The chain, parsed."""
    constraints: tuple[NameConstraints, ...]
    """The name constraints of the chain and the root."""
    not_before: dt.datetime
    not_after: dt.datetime
    """The time in which the chain and the root are all valid."""
    middle: bytes
    tail: bytes

    def sign_response(self, der: bytes) -> bytes:
        """Build the body of a 201 for a new certificate."""
        leaf = pem.encode_json(der)
        return b"".join((b'{"crt":"', leaf, self.middle, leaf, self.tail))


class Trust:
    """An immutable snapshot of the issuers and roots."""

    def __init__(
        self,
        issuers: Iterable[IssuerRecord],
        federated: Sequence[bytes],
        tls: TLSOptions,
        roots: Sequence[bytes] = (),
    ) -> None:
        """Take roots in DER.

        ``roots`` are published with those of the issuers; ``federated`` are the roots of other
        authorities that clients may trust too.
        """
        listed = tuple(issuers)
        self.records = listed
        self.issuers = {issuer.id: _issuer(issuer, tls) for issuer in listed}
        self.active = [self.issuers[issuer.id] for issuer in listed if issuer.active]
        self._anchors = [issuer.root for issuer in listed]
        self.roots = list(dict.fromkeys([*roots, *self._anchors]))
        federation = list(dict.fromkeys([*self.roots, *federated]))
        intermediates = list(dict.fromkeys(der for own in self.active for der in own.chain))
        self.by_fingerprint = {
            fingerprint(der): _encode(RootResponse(pem.encode(der).decode())) + b"\n"
            for der in federation
        }
        self.roots_json = _bundle(self.roots)
        self.federation_json = _bundle(federation)
        self.intermediates_json = _bundle(intermediates) if intermediates else None
        self.roots_pem = b"".join(map(pem.encode, self.roots))
        self.intermediates_pem = b"".join(map(pem.encode, intermediates))

    def issuer_expiry(self, now: dt.datetime) -> dt.datetime | None:
        """Return the expiry of the issuer that issues now; None when none can issue."""
        for issuer in self.active:
            if issuer.not_before <= now < issuer.not_after:
                return issuer.not_after
        return None

    def constraints(self, now: dt.datetime) -> tuple[NameConstraints, ...]:
        """Return the name constraints of the issuer that issues now, up to its root."""
        for issuer in self.active:
            if issuer.not_before <= now < issuer.not_after:
                return issuer.constraints
        return ()

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Tell whether one of the issuers signed a certificate; the record alone knows which it issued."""
        return any(
            loading.is_issued_by(certificate, each.certificates[0])
            for each in self.issuers.values()
        )

    @property
    def client_authorities(self) -> list[bytes]:
        """DER of the issuers and their roots, which client certificates may chain to."""
        chains = [der for issuer in self.issuers.values() for der in issuer.chain]
        return list(dict.fromkeys([*self._anchors, *chains]))


def _issuer(issuer: IssuerRecord, tls: TLSOptions) -> Issuer:
    chain = issuer.chain
    texts = [pem.encode_json(der) for der in chain]
    authority = texts[0] if texts else b""
    certificates = tuple(loading.load_certificate(der) for der in chain)
    path = (*certificates, loading.load_certificate(issuer.root))
    return Issuer(
        id=issuer.id,
        chain=chain,
        certificates=certificates,
        constraints=tuple(found for each in path if (found := name_constraints(each))),
        not_before=max(each.not_valid_before_utc for each in path),
        not_after=min(each.not_valid_after_utc for each in path),
        middle=b'","ca":"' + authority + b'","certChain":["',
        tail=b'","' + b'","'.join(texts) + b'"],"tlsOptions":' + _encode(tls) + b"}\n",
    )


def _bundle(ders: Iterable[bytes]) -> bytes:
    return _encode(CertificatesResponse([pem.encode(der).decode() for der in ders])) + b"\n"
