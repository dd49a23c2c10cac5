"""Account key rollover (RFC 8555 §7.3.5)."""

from newel.acme import key_change
from newel.jose import jwk
from newel.registration.acme.calls import Call
from newel.registration.acme.changes import ChangeKey
from newel.registration.acme.issuance import require_unblocked
from newel.registration.acme.records import Account
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError


class KeyTakenError(NewelError):
    """The new key has an account already, ``holder``."""

    def __init__(self, holder: bytes) -> None:
        self.holder = holder
        super().__init__(ErrorType.CONFLICT, "the new key has an account already")


async def change_key(server: Server, call: Call) -> tuple[Account, Decision]:
    """Give the account another key. Raises KeyTakenError and other NewelErrors.

    Of two racing rollovers one finds its old key in place; the other fails.
    """
    account = call.account
    new = key_change.verify(
        call.payload,
        account=call.urls.account(account.id),
        url=call.url,
        current=account.thumbprint,
    )
    thumbprint = jwk.thumbprint(new)
    if thumbprint == account.thumbprint:
        await call.commit()
        raise KeyTakenError(account.id)
    await require_unblocked(server.issuance, new)
    await call.commit(ChangeKey(account, new, thumbprint))
    server.authenticator.forget(account)
    holder = await call.storage.account_by_key(thumbprint, account.provisioner)
    if holder is None:
        raise NewelError(ErrorType.UNAUTHORIZED, "the account's key was changed meanwhile")
    if holder.id != account.id:
        raise KeyTakenError(holder.id)
    return holder, Decision("acme.key-change", call.facts())
