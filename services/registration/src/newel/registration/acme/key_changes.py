"""Account key rollover (RFC 8555 §7.3.5)."""

from newel.acme import key_change
from newel.jose import jwk
from newel.registration.acme import changes, responses
from newel.registration.acme.calls import Call
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Response


async def change_key(server: Server, call: Call) -> Response:
    """Gives the account another key; 409 with its account's URL when that key has one already.

    Of two rollovers that race one finds its old key in place; the other is told that it changed.
    """
    account = call.account
    own = call.urls.account(account.id)
    new = key_change.verify(call.payload, account=own, url=call.url, current=account.thumbprint)
    thumbprint = jwk.thumbprint(new)
    if thumbprint == account.thumbprint:
        await call.commit()
        return _taken(server, call, own)
    await call.commit(changes.change_key(account, new, thumbprint))
    server.authenticator.forget(account)
    holder = await call.storage.account_of_key(thumbprint, account.provisioner)
    if holder is None:
        raise NewelError(ErrorType.UNAUTHORIZED, "the account's key was changed meanwhile")
    if holder.id != account.id:
        return _taken(server, call, call.urls.account(holder.id))
    server.decisions.write(Decision("acme.key-change", call.facts()))
    return responses.json(
        {"status": holder.status, "orders": call.urls.orders(holder.id)}, responses.location(own)
    )


def _taken(server: Server, call: Call, holder: str) -> Response:
    error = NewelError(ErrorType.CONFLICT, "the new key has an account already")
    server.decisions.write(Decision("acme.key-change", call.facts(), error))
    return responses.error_response(error, responses.location(holder))
