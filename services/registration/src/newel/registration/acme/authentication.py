"""From octets to a ``Call``: RFC 8555 §6.2 to §6.5 in this order.

1. parse the JWS; 2. compare its url with the request's; 3. recognize the nonce; 4. find the key, by ``kid``
or ``jwk`` as the resource requires; 5. verify the signature; 6. refuse accounts that are not valid. The
nonce is used up later, in the one transaction of the request.
"""

import enum

from newel.acme import jws
from newel.acme.account_keys import read_public_key
from newel.acme.problems import ACMEError
from newel.jose import jwk
from newel.registration.acme import ids
from newel.registration.acme.authorities import Authorities
from newel.registration.acme.calls import Call, deactivated_error
from newel.registration.acme.nonces import Nonces
from newel.registration.acme.records import Account, AccountStatus, Admission
from newel.registration.acme.storage import Storage
from newel.registration.acme.urls import URLs
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_MAX_CACHED = 4096


class Signer(enum.Enum):
    """Who may sign a request to a resource (RFC 8555 §6.2)."""

    ACCOUNT = "kid"
    KEY = "jwk"
    EITHER = "either"


class Authenticator:
    """Verifies requests.

    Accounts and their keys are cached; the statement that uses the nonce checks that the cached
    state still holds.
    """

    def __init__(
        self, storage: Storage, nonces: Nonces, authorities: Authorities, clock: Clock
    ) -> None:
        self._storage = storage
        self._nonces = nonces
        self._authorities = authorities
        self._clock = clock
        self._accounts: dict[tuple[str, bytes], Account] = {}

    async def verify(
        self,
        body: bytes,
        *,
        url: str,
        urls: URLs,
        provisioner: ACMEProvisioner,
        signer: Signer,
        address: str,
    ) -> Call:
        """Verify the body of a request; ``url`` is the one the client used, ``address`` its own.

        Raises NewelError.
        """
        parsed = jws.parse_request(body)
        header = parsed.protected
        if header.url != url:
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                "the url of the protected header is not that of the request",
                cause=f"signed for {header.url[:256]!r}, sent to {url[:256]!r}",
            )
        nonce = self._nonce(header)
        account: Account | None = None
        if header.jwk is None:
            _allow(signer is not Signer.KEY, "this resource needs a jwk, not a kid")
            account = await self._signer(parsed, header.kid or "", provisioner)
            key, thumbprint = account.key, account.thumbprint
        else:
            _allow(signer is not Signer.ACCOUNT, "this resource needs a kid, not a jwk")
            key = read_public_key(header.jwk)
            thumbprint = jwk.thumbprint(key)
            jws.verify(parsed, key)
        admission = Admission(nonce)
        if account is not None:
            if account.status is not AccountStatus.VALID:
                raise deactivated_error()
            admission = Admission(nonce, account.id, account.thumbprint)
        now = self._clock.now()
        return Call(
            provisioner,
            urls,
            url,
            parsed.payload,
            key,
            thumbprint,
            admission,
            account,
            self._storage,
            now,
            self.forget,
            address,
        )

    def _nonce(self, header: jws.ProtectedHeader) -> bytes:
        try:
            return self._nonces.key(header.nonce)
        except NewelError:
            # another nonce would not help a key with the wrong algorithm
            if header.jwk is not None:
                jws.require_algorithm_of(read_public_key(header.jwk), header.alg)
            raise

    def forget(self, account: Account) -> None:
        """Drop an account from the cache, after anything of it changed."""
        self._accounts.pop((account.provisioner, account.id), None)

    async def _signer(self, parsed: jws.JWS, kid: str, provisioner: ACMEProvisioner) -> Account:
        """Return the account a kid names, whose key made the signature.

        Another process may have changed a cached key: a signature that does not verify with it is checked
        once with the key in the database.
        """
        identity = self._identity(kid, provisioner)
        known = self._accounts.get((provisioner.name, identity))
        if known is not None:
            try:
                jws.verify(parsed, known.key)
            except ACMEError:
                account = await self._load(identity, provisioner)
                if account.thumbprint == known.thumbprint:
                    raise
            else:
                return known
        else:
            account = await self._load(identity, provisioner)
        jws.verify(parsed, account.key)
        return account

    def _identity(self, kid: str, provisioner: ACMEProvisioner) -> bytes:
        """Parse a kid: a whole account URL of this provisioner under one of this server's names."""
        prefix, _, last = kid.rpartition("/")
        identity = ids.parse(last)
        scheme, _, rest = prefix.partition("://")
        authority = rest.partition("/")[0]
        if (
            identity is None
            or scheme != "https"
            or not self._authorities.allows(authority)
            or kid != URLs.of(authority, provisioner.name).account(identity)
        ):
            raise _no_account()
        return identity

    async def _load(self, identity: bytes, provisioner: ACMEProvisioner) -> Account:
        """Read the account from the database; a valid one is cached."""
        account = await self._storage.account(identity, provisioner.name)
        if account is None:
            raise _no_account()
        self.forget(account)
        if account.status is AccountStatus.VALID:
            if len(self._accounts) >= _MAX_CACHED:
                self._accounts.pop(next(iter(self._accounts)))
            self._accounts[provisioner.name, identity] = account
        return account


def _allow(condition: bool, detail: str) -> None:
    if not condition:
        raise NewelError(ErrorType.MALFORMED, detail)


def _no_account() -> NewelError:
    return NewelError(
        ErrorType.ACCOUNT_DOES_NOT_EXIST, "the kid is not the URL of an account of this directory"
    )
