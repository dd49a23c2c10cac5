"""The holder of a client certificate: proved by TLS, or by a token its key signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from newel.crypto import loading
from newel.jose.errors import InvalidSignatureError
from newel.registration.errors import unauthorized_error
from newel.registration.issuance import ProvisionerRef
from newel.registration.trust import Trust
from newel.step import extension, renew_token, tokens
from newel.step.extension import ProvisionerExtension


@dataclass(frozen=True, slots=True)
class Peer:
    """A certificate whose key the client proved to have.

    Only the comparison of ``der`` with the record shows that this authority issued it.
    """

    der: bytes
    certificate: x509.Certificate
    provisioner: ProvisionerRef | None
    """The provisioner its step extension names."""
    token: renew_token.RenewToken | None = None
    """The bearer token that proved it; None: TLS did."""

    @property
    def serial(self) -> str:
        """Decimal, as the step tools write serials."""
        return str(self.certificate.serial_number)


def from_tls(chain: Sequence[bytes]) -> Peer | None:
    """Return the holder of the TLS client certificate, which the handshake verified, or None.

    The extended key usages are checked here, because the handshake does not. Raises ``unauthorized``.
    """
    return _tls_peer(chain[0]) if chain else None


@lru_cache(maxsize=1024)
def _tls_peer(der: bytes) -> Peer:
    """Parse a client certificate; cached, because a kept-alive connection presents it every time."""
    return _peer(der, loading.load_certificate(der), None)


def from_bearer(text: str, trust: Trust) -> Peer:
    """Return the holder of the certificate in a renew token, whose claims are not checked yet.

    1. the token's signature is its leaf's; 2. the leaf is signed by one of the issuers; 3. it is for
    client authentication and its key may sign. Raises ``unauthorized``.
    """
    try:
        token = renew_token.parse(text)
    except (tokens.MalformedTokenError, InvalidSignatureError) as error:
        raise unauthorized_error(f"error validating renew token: {error}") from None
    if not loading.may_sign(token.leaf):
        raise unauthorized_error("error validating renew token: the key may not sign (keyUsage)")
    if not trust.has_issued(token.leaf):
        raise unauthorized_error("error validating renew token: the leaf is of another authority")
    return _peer(token.chain[0], token.leaf, token)


def _peer(der: bytes, certificate: x509.Certificate, token: renew_token.RenewToken | None) -> Peer:
    if not loading.is_for_clients(certificate):
        raise unauthorized_error("the client certificate is not for client authentication")
    return Peer(der, certificate, _provisioner(certificate), token)


_STEP = x509.ObjectIdentifier(extension.OID)


def _provisioner(certificate: x509.Certificate) -> ProvisionerRef | None:
    value = loading.find_extension(certificate, _STEP)
    if not isinstance(value, x509.UnrecognizedExtension):
        return None
    try:
        found = ProvisionerExtension.decode(value.value)
    except ValueError:
        return None
    pairs = tuple(found.key_values)
    return ProvisionerRef(found.type.name, found.name, found.credential_id, pairs)
