"""A new key for an account that is kept here (RFC 8555 §7.3.5), such that none of the two is ever lost.

1. the new key is on disk beside the old one
2. the server is asked to take it
3. it takes the old one's place on disk

After an interruption between these steps, the next run asks the server which key it has.
"""

from typing import TYPE_CHECKING

from newel.cli.operations.acme import accounts, directories
from newel.cli.operations.acme.accounts import StoredAccount
from newel.cli.operations.keys.key_files import private_key
from newel.cli.operations.keys.key_output import private_pem
from newel.cli.store.files import replace
from newel.client import acme_accounts, acme_transport
from newel.client.acme_accounts import Account
from newel.client.errors import AnswerError, RefusedError

if TYPE_CHECKING:
    from newel.cli.operations.enroll import AcmeDirectory


def replace_key(directory: "AcmeDirectory", kept: StoredAccount) -> Account:
    """Replace the key of an account and return the account. Raises CliError and ClientError."""
    if kept.successor.exists() and (account := settle(directory, kept)):
        return account
    old, new = accounts.key_of(kept), accounts.new_key()
    replace(kept.successor, private_pem(new), 0o600)
    try:
        flow = acme_accounts.change_key(directory.url, old, new)
        account = acme_transport.run(flow, directories.tls(directory))
    except (RefusedError, AnswerError):
        account = settle(directory, kept)
        if account is None:
            raise
        return account
    kept.successor.replace(kept.path)
    return account


def settle(directory: "AcmeDirectory", kept: StoredAccount) -> Account | None:
    """Keep the key that the server has: return the account for the new key, None for the old one.

    Both are kept while the server does not say which: an answer that says nothing of the account, as that
    the server is overloaded, is raised.
    """
    new = private_key(str(kept.successor))
    try:
        flow = acme_accounts.find(directory.url, new)
        account = acme_transport.run(flow, directories.tls(directory))
    except RefusedError as error:
        if error.code != acme_accounts.NO_ACCOUNT:
            raise
        kept.successor.unlink()
        return None
    kept.successor.replace(kept.path)
    return account
