"""One authenticated request on its way through an endpoint."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from newel.crypto.keys import PublicKey
from newel.registration.acme.changes import Change
from newel.registration.acme.nonces import bad_nonce
from newel.registration.acme.records import Account, AccountStatus, Admission, FailureBound
from newel.registration.acme.storage import Storage
from newel.registration.acme.urls import URLs
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError

Payload = TypeVar("Payload")


@dataclass(slots=True)
class Call:
    """A request whose signature was verified. Its nonce is used by ``commit``, once."""

    provisioner: ACMEProvisioner
    urls: URLs
    url: str
    payload: bytes
    key: PublicKey
    thumbprint: bytes
    admission: Admission
    signer: Account | None
    storage: Storage
    now: dt.datetime
    forget: Callable[[Account], None]
    """Drops an account from the cache; called when the database has another state."""
    address: str = ""
    """The client's."""
    committed: bool = False

    @property
    def account(self) -> Account:
        """The account that signed; ``malformed`` when the request was signed with a jwk."""
        if self.signer is None:
            raise NewelError(ErrorType.MALFORMED, "this resource needs a kid")
        return self.signer

    def decode(self, shape: type[Payload]) -> Payload:
        """Decode the payload as an object of this shape. Raises ``malformed``."""
        try:
            return msgspec.json.decode(self.payload, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NewelError(
                ErrorType.MALFORMED, "the payload is not what this resource takes", cause=str(error)
            ) from error

    def require_get(self) -> None:
        """Raise ``malformed`` unless this is a POST-as-GET (RFC 8555 §6.3): empty, not ``{}``."""
        if self.payload:
            raise NewelError(ErrorType.MALFORMED, "a POST-as-GET has an empty payload")

    async def commit(self, change: Change | None = None) -> None:
        """Use the nonce and make the change, in one transaction.

        Raises ``badNonce`` when the nonce was used before, ``unauthorized`` when the account is no longer
        valid or has another key by now; then nothing was written.
        """
        if self.committed:
            raise RuntimeError("a request has one transaction")
        self.committed = True
        if not await self.storage.admit(self.admission, change):
            raise await self._rejection()

    async def commit_unless_failing(self, bound: FailureBound, change: Change) -> bool:
        """Do as ``commit`` does, unless too many validations of the account failed: False, and no more.

        The nonce is still to be used then. Raises what ``commit`` raises.
        """
        admission = msgspec.structs.replace(self.admission, failures=bound)
        if await self.storage.admit(admission, change):
            self.committed = True
            return True
        return False

    async def _rejection(self) -> NewelError:
        """Find out why the database did not admit the request."""
        if self.signer is None:
            return bad_nonce("it was used before")
        account = await self.storage.account(self.signer.id, self.provisioner.name)
        if account is None or account.status is not AccountStatus.VALID:
            self.forget(self.signer)
            return deactivated_error()
        if account.thumbprint != self.signer.thumbprint:
            self.forget(self.signer)
            return NewelError(ErrorType.UNAUTHORIZED, "the account has another key now")
        return bad_nonce("it was used before")

    def facts(self) -> dict[str, Any]:
        """Describe the requester for the audit trail."""
        facts: dict[str, Any] = {"provisioner": self.provisioner.name}
        if self.signer is not None:
            facts["account"] = self.urls.account(self.signer.id)
        return facts


def deactivated_error() -> NewelError:
    """Make the error for an account that is not valid any more (RFC 8555 §7.3.6)."""
    return NewelError(ErrorType.UNAUTHORIZED, "the account is not active")


def not_found_error() -> NewelError:
    """Make the error for a missing resource, and for one of another account: they look the same."""
    return NewelError(ErrorType.NOT_FOUND, "there is no such resource")
