"""What the controller shows an authority: a token of a service account, or one that a provisioner signs.

Tokens of service accounts are requested one for each certificate: an authority takes each once.
"""

import base64
from dataclasses import dataclass

import msgspec

from newel.crypto import pem
from newel.crypto.keys import PrivateKey
from newel.jose import jwe, jwk
from newel.jose.errors import DecryptionError
from newel.kubernetes.api import KubernetesAPI
from newel.kubernetes.authority_link import AuthorityLink
from newel.kubernetes.errors import APIError, IssuerError
from newel.kubernetes.settings import AccountAuth, KeyAuth, Settings
from newel.runtime.clock import Clock
from newel.runtime.work import run_in_thread
from newel.step import tokens
from newel.step.fingerprint import fingerprint

TOKEN_SECONDS = 600
"""The shortest lifetime that an API server gives a token."""


@dataclass(frozen=True, slots=True)
class ProvisionerKey:
    """The key of a JWK provisioner, opened; it stays in this process."""

    key: PrivateKey
    kid: str
    opened_with: bytes
    """The password, so that a changed one is noticed."""


@dataclass(slots=True)
class Credentials:
    """Makes the tokens of one issuer."""

    settings: Settings
    api: KubernetesAPI
    link: AuthorityLink
    clock: Clock
    _key: ProvisionerKey | None = None

    async def verify(self) -> None:
        """Check that a token can be made now. Raises IssuerError or OutageError."""
        auth = self.settings.auth
        if isinstance(auth, AccountAuth):
            await self.link.find_provisioner("K8sSA", auth.provisioner)
            await self._request(auth)
        else:
            await self._open(auth)

    async def make_token(self, subject: str, names: list[str]) -> str:
        """Return a token for one certificate. Raises IssuerError or OutageError."""
        auth = self.settings.auth
        if isinstance(auth, AccountAuth):
            return await self._request(auth)
        opened = self._key or await self._open(auth)
        return tokens.make(
            opened.key,
            kid=opened.kid,
            issuer=auth.provisioner,
            subject=subject,
            audience=self.settings.audience,
            now=self.clock.now(),
            sans=names,
            root=fingerprint(pem.decode_all(self.settings.roots.encode())[0]),
        )

    async def _request(self, auth: AccountAuth) -> str:
        try:
            return await self.api.request_token(
                auth.namespace, auth.account, self.settings.audience, TOKEN_SECONDS
            )
        except APIError as error:
            place = f"{auth.namespace}/{auth.account}"
            if error.status == 404:
                raise IssuerError("NotFound", f"There is no service account {place}.") from None
            raise IssuerError(
                "Forbidden",
                f"The controller gets no token of the service account {place}: {error}. It needs the "
                "verb create on serviceaccounts/token there.",
            ) from None

    async def _open(self, auth: KeyAuth) -> ProvisionerKey:
        password = await self._read_password(auth)
        if self._key is not None and self._key.opened_with == password:
            return self._key
        row = await self.link.find_provisioner("JWK", auth.provisioner, auth.kid)
        try:
            sealed = str(row.get("encryptedKey") or "").strip()
            opened = await run_in_thread(jwe.decrypt_with_password, sealed, password)
            key = jwk.to_private_key(msgspec.json.decode(opened, type=jwk.JWK))
        except DecryptionError:
            raise IssuerError(
                "Unauthorized",
                f"The password in the secret {auth.namespace}/{auth.secret} does not open the key of "
                f"the provisioner {auth.provisioner}.",
            ) from None
        except ValueError as error:
            raise IssuerError(
                "Invalid", f"The key of the provisioner {auth.provisioner} cannot be used: {error}."
            ) from None
        self._key = ProvisionerKey(key, str(row["key"].get("kid", "")), password)
        return self._key

    async def _read_password(self, auth: KeyAuth) -> bytes:
        place = f"{auth.namespace}/{auth.secret}"
        try:
            entries = await self.api.read_secret(auth.namespace, auth.secret)
        except APIError as error:
            if error.status == 404:
                raise IssuerError("NotFound", f"There is no secret {place}.") from None
            raise IssuerError(
                "Forbidden",
                f"The controller may not read the secret {place}: {error}. It needs the verb get there.",
            ) from None
        if auth.entry not in entries:
            raise IssuerError("NotFound", f"The secret {place} has no entry {auth.entry}.")
        return base64.b64decode(entries[auth.entry]).rstrip()
