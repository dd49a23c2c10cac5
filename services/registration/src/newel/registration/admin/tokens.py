"""Who asks: an administrator's token, signed by the key of a certificate of this authority.

The token is for one path and one use. Everything about it and its certificate is verified before its use
is stored.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from newel.crypto import loading
from newel.jose import jws
from newel.jose.errors import InvalidSignatureError
from newel.registration.admin.records import Administrator, Configuration, StoredProvisioner
from newel.registration.authority import Authority
from newel.registration.errors import unauthorized_error
from newel.registration.issuance import Issuance
from newel.registration.one_time import use_once
from newel.registration.provisioners.grant import TokenUse
from newel.registration.storage import UsedTokenTable
from newel.registration.trust import Trust
from newel.runtime.errors import ErrorType, NewelError
from newel.step import tokens

ISSUER = "step-admin-client/1.0"
LONGEST = dt.timedelta(minutes=5)
"""How far the expiry of a token may lie ahead."""

_MAX_CHAIN = 8


class Caller(NamedTuple):
    """The administrator who asks, and the certificate that proves it."""

    administrator: Administrator
    provisioner: StoredProvisioner
    certificate: bytes
    serial: str
    use: TokenUse


class _Proof(NamedTuple):
    """A token that the key of its certificate signed."""

    token: tokens.Token
    der: bytes
    leaf: x509.Certificate


@dataclass(frozen=True, slots=True)
class AdminAuthenticator:
    """Verifies administrators' tokens."""

    authority: Authority
    issuance: Issuance
    used: UsedTokenTable
    hosts: frozenset[str]
    """The names and addresses of this authority, as URLs have them, in lower case."""

    async def authenticate(
        self, text: str, path: str, configuration: Configuration, now: dt.datetime
    ) -> Caller:
        """Return the administrator whose token this is. Raises NewelError.

        ``path`` is that of the request as it was sent.
        1. the leaf's key signed the token; 2. the leaf is one of this authority, valid now, for clients, and
        its key may sign; 3. the issuing authority issued it, it is not revoked, and the provisioner that
        admitted it is enabled; 4. times, audience, issuer and subject; 5. one of its names is an
        administrator of that provisioner.
        """
        if not text:
            raise _refuse("missing authorization header token")
        proof = _parse(text)
        _check_certificate(proof.leaf, self.authority.trust, now)
        record = await self.issuance.find(der=proof.der)
        if record is None:
            raise _refuse(
                "adminHandler.authorizeToken; the certificate is not one of this authority"
            )
        if record.is_revoked:
            raise _refuse("adminHandler.authorizeToken; the certificate is revoked")
        provisioner = configuration.provisioners.get(record.provisioner.name)
        usable = self.authority.provisioners.by_certificate(record.provisioner)
        if provisioner is None or usable is None or usable.disabled:
            raise _refuse(
                "adminHandler.authorizeToken; unable to load provisioner from certificate"
            )
        self._check_claims(proof.token, path, provisioner.name, now)
        administrator = _find(proof.leaf, provisioner, configuration)
        return Caller(
            administrator,
            provisioner,
            proof.der,
            f"{proof.leaf.serial_number:x}",
            _token_use(proof.token),
        )

    async def use(self, caller: Caller, request: bytes, now: dt.datetime, *, durable: bool) -> None:
        """Use the token up. Raises ``unauthorized`` when it was used before."""
        try:
            await use_once(self.used, caller.use, request, now, durable=durable)
        except NewelError as error:
            if error.type is not ErrorType.UNAUTHORIZED:
                raise
            raise _refuse(
                f"adminHandler.authorizeToken; error with reuse token: {error.cause}"
            ) from None
        self.used.finish(caller.use)  # nothing is resumed: a client makes a new token

    def _check_claims(
        self, token: tokens.Token, path: str, provisioner: str, now: dt.datetime
    ) -> None:
        claims = token.claims
        try:
            token.check_times(now.timestamp(), max_lifetime=LONGEST.total_seconds())
        except tokens.InvalidClaimsError as error:
            raise _refuse(f"x5c.authorizeToken; invalid x5c claims: {error}") from None
        if not any(self._is_for(each, path) for each in claims.audience):
            raise _refuse("x5c.authorizeToken; x5c token has invalid audience claim (aud)")
        if claims.iss not in {ISSUER, provisioner}:
            raise _refuse("x5c.authorizeToken; x5c token has invalid issuer claim (iss)")
        if not claims.sub:
            raise _refuse("x5c.authorizeToken; x5c token subject cannot be empty")

    def _is_for(self, audience: str, path: str) -> bool:
        """Tell whether an audience is the URL of the request at this authority; the port is not compared."""
        scheme, separator, rest = audience.partition("://")
        authority, _, given = rest.partition("/")
        host = authority.lower()
        if not host.endswith("]"):
            name, colon, port = host.rpartition(":")
            host = name if colon and (port.isdecimal() or not port) else host
        if scheme.lower() != "https" or not separator or host not in self.hosts:
            return False
        given = f"/{given}"
        return given == path or unquote(given) == unquote(path)


def _refuse(text: str) -> Exception:
    return unauthorized_error(text, detail=text)


def _parse(text: str) -> _Proof:
    try:
        unverified = tokens.parse(text)
        der = _first_of(unverified.header.x5c or ())
        leaf = loading.load_certificate(der)
        key = jws.require_verifying_key(loading.read_public_key(leaf))
    except ValueError as error:  # of the token, of base64, of X.509, or of a key that signs nothing
        raise unauthorized_error(
            f"error parsing x5c token: {error}"[:300],
            detail="adminHandler.authorizeToken; error parsing x5c token",
        ) from None
    try:
        return _Proof(unverified.verify(key), der, leaf)
    except InvalidSignatureError as error:
        raise unauthorized_error(
            f"error parsing x5c claims: {error}",
            detail="adminHandler.authorizeToken; error parsing x5c claims",
        ) from None


def _first_of(chain: Sequence[str]) -> bytes:
    """Return the DER of the first certificate of an ``x5c`` header (RFC 7515 §4.1.6). Raises ValueError."""
    if not 1 <= len(chain) <= _MAX_CHAIN:
        raise ValueError("no x5c chain, or one too long")
    return base64.b64decode(chain[0], validate=True)


def _check_certificate(leaf: x509.Certificate, trust: Trust, now: dt.datetime) -> None:
    chain = "adminHandler.authorizeToken; error verifying x5c certificate chain in token"
    if not trust.has_issued(leaf):
        raise _refuse(f"{chain}: the certificate is not one of this authority")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise _refuse(f"{chain}: the certificate has expired or is not valid yet")
    if not loading.is_for_clients(leaf):
        raise _refuse(f"{chain}: the certificate is not for client authentication")
    if not loading.may_sign(leaf):
        raise _refuse(
            "adminHandler.authorizeToken; certificate used to sign x5c token cannot be used for"
            " digital signature"
        )


def _find(
    leaf: x509.Certificate, provisioner: StoredProvisioner, configuration: Configuration
) -> Administrator:
    subjects = _subjects(leaf)
    for subject in subjects:
        found = configuration.administrator_of(subject, provisioner.id)
        if found is not None:
            return found
    raise _refuse(
        f"adminHandler.authorizeToken; unable to load admin with subject(s) [{' '.join(subjects)}]"
        f" and provisioner '{provisioner.name}'"
    )


def _subjects(leaf: x509.Certificate) -> Sequence[str]:
    """List the names of a certificate that may be an administrator's: common name, DNS, email."""
    names = [str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    san = loading.find_extension(leaf, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if isinstance(san, x509.SubjectAlternativeName):
        names += san.get_values_for_type(x509.DNSName)
        names += san.get_values_for_type(x509.RFC822Name)
    return names


def _token_use(token: tokens.Token) -> TokenUse:
    """Derive the key of a token's one use from what was signed."""
    digest = hashlib.sha256(b"administrator\0" + token.key).digest()
    return TokenUse(digest[:24], int(token.claims.exp or 0), token.claims.issued_at)
