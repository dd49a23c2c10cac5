"""How an identity is first obtained: exchanges of calls and answers, for threads and event loops alike.

Each function here is a generator: it yields calls to be sent to the authority, is sent their answers, and
returns the credential.
"""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from newel.client import calls, csr
from newel.client.clock import now
from newel.client.credential import Credential, of_answer
from newel.client.errors import AnswerError, ClientError
from newel.crypto import keys, pem
from newel.crypto.keys import PrivateKey
from newel.jose import jwk
from newel.jose.errors import DecryptionError
from newel.step import tokens
from newel.step.fingerprint import fingerprint

Enrolment: TypeAlias = Generator[calls.Call[Any], Any, Credential]


class TokenError(ClientError):
    """The token is none, or does not say what is needed."""


class PasswordError(ClientError):
    """The password does not open the provisioner's key."""


class Place(NamedTuple):
    """What a one-time token says of its authority."""

    url: str
    fingerprint: str


def place_of(token: str) -> Place:
    """Where a token is good. Raises TokenError."""
    claims = read_claims(token)
    parts = urlsplit(claims.audience[0] if claims.audience else "")
    if parts.scheme != "https" or not parts.netloc:
        raise TokenError("the token names no authority")
    return Place(f"https://{parts.netloc}", claims.sha)


def read_claims(token: str) -> tokens.Claims:
    """Return the token's claims; the authority verifies them, not the client."""
    try:
        return tokens.parse(token.strip()).unverified
    except tokens.MalformedTokenError as error:
        raise TokenError(str(error)) from None


def by_token(
    token: str,
    *,
    key: PrivateKey | None = None,
    subject: str = "",
    names: Sequence[str] = (),
    not_after: str = "",
) -> Enrolment:
    """By a one-time token (or a service account's): the key is made here and stays here."""
    claims = read_claims(token)
    made = key or keys.generate()
    common = subject or claims.sub
    request = csr.make(made, common, list(names) or claims.sans or [common])
    issued = yield calls.sign(csr.pem(request), token.strip(), not_after=not_after)
    return of_answer(issued, made)


def by_password(
    url: str,
    root: str,
    provisioner: str,
    password: bytes,
    names: Sequence[str],
    *,
    key: PrivateKey | None = None,
    not_after: str = "",
) -> Enrolment:
    """Enrol by the password of a JWK provisioner, whose key is decrypted here and stays in this process."""
    from newel.jose import jwe  # it takes a while to import

    row = yield from _provisioner(provisioner)
    try:
        opened = jwe.decrypt_with_password(str(row.get("encryptedKey") or "").strip(), password)
        signer = jwk.to_private_key(_jwk(opened))
    except DecryptionError:
        raise PasswordError("the password does not open the provisioner's key") from None
    except ValueError as error:
        raise AnswerError(f"the provisioner's key cannot be used: {error}") from None
    token = tokens.make(
        signer,
        kid=str(row.get("key", {}).get("kid", "")),
        issuer=provisioner,
        subject=names[0],
        audience=f"{url}/1.0/sign",
        now=now(),
        sans=names,
        root=fingerprint(pem.decode_all(root.encode())[0]),
    )
    return (yield from by_token(token, key=key, not_after=not_after))


def _provisioner(name: str) -> Generator[calls.Call[Any], Any, dict[str, Any]]:
    """Find the JWK provisioner of that name."""
    cursor = ""
    for _ in range(100):
        page: calls.ProvisionerPage = yield calls.provisioners(cursor)
        for row in page.provisioners:
            if row.get("type") == "JWK" and row.get("name") == name:
                return row
        cursor = page.next_cursor
        if not cursor:
            break
    raise AnswerError(f"the authority has no JWK provisioner '{name}'")


def _jwk(text: bytes) -> jwk.JWK:
    import msgspec

    try:
        return msgspec.json.decode(text, type=jwk.JWK)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
