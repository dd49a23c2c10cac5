"""The roots and intermediates clients are told of, and the answers made of them.

What does not change between two certificates of one issuer is encoded once: an answer to ``/sign`` is
five pieces of JSON put together.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from cryptography import x509

from newel.crypto import loading, pem
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.step.fingerprint import fingerprint
from newel.step.messages import CertificatesResponse, RootResponse, TlsOptions

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer and the pieces of an answer that are the same for all its certificates."""

    id: str
    chain: tuple[bytes, ...]
    """DER: the issuer first, up to but not including the root."""
    certificates: tuple[x509.Certificate, ...]
    """The chain, parsed."""
    not_before: dt.datetime
    not_after: dt.datetime
    """The chain's and the root's, all of them together."""
    middle: bytes
    tail: bytes

    def answer(self, der: bytes) -> bytes:
        """The body of a 201 for a new certificate."""
        leaf = pem.encode_json(der)
        return b"".join((b'{"crt":"', leaf, self.middle, leaf, self.tail))


class Trust:
    """What this authority stands on at one moment. Never changed, only replaced."""

    def __init__(
        self,
        issuers: Iterable[pb.Issuer],
        federated: Sequence[bytes],
        tls: TlsOptions,
        roots: Sequence[bytes] = (),
    ) -> None:
        """``roots`` are DER roots that clients are told of beside those of the issuers; ``federated`` are
        roots of other authorities that they may trust too.
        """
        listed = list(issuers)
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
        self.digest = hashlib.sha256(
            b"".join(issuer.SerializeToString(deterministic=True) for issuer in listed)
        ).digest()

    def ends(self, now: dt.datetime) -> dt.datetime | None:
        """When the issuer of now ends, and with it everything it issues; None when none can issue."""
        for issuer in self.active:
            if issuer.not_before <= now < issuer.not_after:
                return issuer.not_after
        return None

    @property
    def client_authorities(self) -> list[bytes]:
        """DER of every certificate a client certificate may chain to: the issuers and their roots.

        A root that no issuer is below vouches for nobody here.
        """
        chains = [der for issuer in self.issuers.values() for der in issuer.chain]
        return list(dict.fromkeys([*self._anchors, *chains]))


def _issuer(issuer: pb.Issuer, tls: TlsOptions) -> Issuer:
    chain = tuple(issuer.chain)
    texts = [pem.encode_json(der) for der in chain]
    authority = texts[0] if texts else b""
    certificates = tuple(loading.load_certificate(der) for der in chain)
    path = (*certificates, loading.load_certificate(issuer.root))
    return Issuer(
        id=issuer.id,
        chain=chain,
        certificates=certificates,
        not_before=max(each.not_valid_before_utc for each in path),
        not_after=min(each.not_valid_after_utc for each in path),
        middle=b'","ca":"' + authority + b'","certChain":["',
        tail=b'","' + b'","'.join(texts) + b'"],"tlsOptions":' + _encode(tls) + b"}\n",
    )


def _bundle(ders: Iterable[bytes]) -> bytes:
    return _encode(CertificatesResponse([pem.encode(der).decode() for der in ders])) + b"\n"
