"""Who holds the certificate a client shows: by TLS, or by a token its key signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from newel.crypto import loading
from newel.registration.errors import unauthorized
from newel.registration.trust import Trust
from newel.step import extension, jws, renew_token, tokens
from newel.step.extension import ProvisionerExtension

_CLIENT = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


@dataclass(frozen=True, slots=True)
class Peer:
    """A certificate whose key its holder proved to have.

    That this authority issued it is known only by comparing ``der`` with the record.
    """

    der: bytes
    certificate: x509.Certificate
    provisioner: ProvisionerExtension | None
    token: renew_token.RenewToken | None = None
    """The token that proved it, when it was not TLS."""

    @property
    def serial(self) -> str:
        """Decimal, as the step tools write serials."""
        return str(self.certificate.serial_number)


def from_tls(chain: Sequence[bytes]) -> Peer | None:
    """The holder of the TLS client certificate, which the handshake verified; None without one.

    The purposes are checked here, because the TLS library was not told of them. Raises the refusal.
    """
    return _of_tls(chain[0]) if chain else None


@lru_cache(maxsize=1024)
def _of_tls(der: bytes) -> Peer:
    """Cached, because a connection kept alive shows the same certificate with every request."""
    return _peer(der, loading.load_certificate(der), None)


def from_bearer(text: str, trust: Trust) -> Peer:
    """The holder of the certificate in a renew token. Its claims are not checked yet.

    1. the token's signature is its leaf's; 2. the leaf is signed by one of our issuers; 3. it is for
    client authentication and its key may sign. Raises the refusal.
    """
    try:
        token = renew_token.parse(text)
    except (tokens.MalformedToken, jws.BadSignature) as error:
        raise unauthorized(f"error validating renew token: {error}") from None
    usage = _extension(token.leaf, ExtensionOID.KEY_USAGE)
    if not isinstance(usage, x509.KeyUsage) or not usage.digital_signature:
        raise unauthorized("error validating renew token: the key may not sign (keyUsage)")
    if not any(
        loading.is_issued_by(token.leaf, each.certificates[0]) for each in trust.issuers.values()
    ):
        raise unauthorized("error validating renew token: the leaf is of another authority")
    return _peer(token.chain[0], token.leaf, token)


def _peer(der: bytes, certificate: x509.Certificate, token: renew_token.RenewToken | None) -> Peer:
    purposes = _extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    if not isinstance(purposes, x509.ExtendedKeyUsage) or _CLIENT.isdisjoint(purposes):
        raise unauthorized("the client certificate is not for client authentication")
    return Peer(der, certificate, _provisioner(certificate), token)


def _extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> object:
    try:
        return loading.read_extensions(certificate).get_extension_for_oid(oid).value
    except (x509.ExtensionNotFound, loading.CertificateError):
        return None


_STEP = x509.ObjectIdentifier(extension.OID)


def _provisioner(certificate: x509.Certificate) -> ProvisionerExtension | None:
    value = _extension(certificate, _STEP)
    if not isinstance(value, x509.UnrecognizedExtension):
        return None
    try:
        return ProvisionerExtension.decode(value.value)
    except ValueError:
        return None
