"""Opening, making and removing the keys of a configuration."""

from typing import TYPE_CHECKING

from newel.crypto.keys import KeyKind
from newel.runtime.config import ConfigError
from newel.signer.config import FileStore, PKCS11Store
from newel.signer.keys import SigningKey
from newel.signer.keystore.file import open_file_key

if TYPE_CHECKING:
    from newel.signer.keystore.pkcs11.key import KeyReference
    from newel.signer.keystore.pkcs11.token import Token


def open_key(store: FileStore | PKCS11Store) -> SigningKey:
    """Open the key of a configuration.

    Raises ``OSError``, :class:`newel.crypto.keys.InvalidKeyError`,
    :class:`newel.runtime.config.ConfigError` and
    :class:`newel.signer.keys.KeyUnavailableError`.
    """
    if isinstance(store, FileStore):
        return open_file_key(store.path, store.password_file)
    location = _locate(store)
    from newel.signer.keystore.pkcs11.key import TokenKey

    return TokenKey(*location)


def make_token_key(store: PKCS11Store, kind: KeyKind) -> SigningKey:
    """Make a key in the token, from where it cannot be exported.

    Raises :class:`newel.signer.keys.KeyExistsError` and ``KeyUnavailableError``.
    """
    location = _locate(store)
    from newel.signer.keystore.pkcs11.generate import generate

    return generate(*location, kind)


def token_key_exists(store: PKCS11Store) -> bool:
    """Say whether the token holds a key of that label and id. Raises ``KeyUnavailableError``."""
    token, reference = _locate(store)
    from newel.signer.keystore.pkcs11.generate import exists

    return token.use(lambda opened: exists(opened, reference))


def remove_token_key(store: PKCS11Store) -> None:
    """Destroy a key pair in the token, which undoes :func:`make_token_key`."""
    location = _locate(store)
    from newel.signer.keystore.pkcs11.generate import remove

    remove(*location)


def _locate(store: PKCS11Store) -> "tuple[Token, KeyReference]":
    """Return the token and the name of the key in it. Raises ConfigError without the extra."""
    # The PKCS #11 binding is slow to load: it is loaded only for tokens.
    try:
        from newel.signer.keystore.pkcs11.key import KeyReference
        from newel.signer.keystore.pkcs11.token import open_token
    except ModuleNotFoundError as error:
        if error.name != "pkcs11":
            raise
        raise ConfigError(
            f"{store.module}: PKCS #11 needs the package newel-signer[pkcs11]"
        ) from None

    token = open_token(store.module, store.token, store.pin_file, store.sessions)
    return token, KeyReference(store.label, store.id)
