"""A client certificate for mutual TLS, which renews itself at the authority that issued it."""

import datetime as dt
import ssl
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Self

import msgspec

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import connection
from newel.cli.operations.credentials.credential import Access
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.client.authority import Authority
    from newel.client.credential import Credential as Pair

CESSATION = 5
"""cessationOfOperation (RFC 5280 §5.3.1): nothing happened to the key."""


class ClientCertificate(msgspec.Struct, frozen=True, tag_field="kind", tag="certificate"):
    """A chain and its key, PEM, with the authority and the root behind it. The key is in no repr."""

    authority: str
    root: str
    chain: str
    key: str

    @property
    def kind(self) -> str:
        """Its tag."""
        return "certificate"

    def __repr__(self) -> str:
        return f"ClientCertificate({self.holder!r})"

    @classmethod
    def of(cls, pair: "Pair", authority: str, root: str) -> Self:
        """Return the credential for what an authority issued."""
        return cls(authority, root, pair.chain_pem.decode(), pair.key_pem().decode())

    @property
    def pair(self) -> "Pair":
        """The certificate as the client library has it. Raises CliError when the record was damaged."""
        from newel.client.credential import of_pem

        try:
            return of_pem(self.chain.encode(), self.key.encode())
        except ValueError as error:
            raise CliError(f"the certificate that is kept cannot be used: {error}") from None

    @property
    def holder(self) -> str:
        """The common name, or the first other name."""
        from newel.cli.operations import certificate_requests as names

        leaf = self.pair.certificate
        return names.common_name(leaf) or next(iter(names.names_of(leaf)), "")

    @property
    def ends(self) -> dt.datetime | None:
        """The end of its validity."""
        return self.pair.not_after

    def due(self, now: dt.datetime) -> bool:
        """After two thirds of its life."""
        from newel.client.schedule import Schedule

        return Schedule(self.pair).wait(now) == 0

    def present(self, headers: MutableMapping[str, str], tls: ssl.SSLContext) -> None:
        """To the server's question for a certificate."""
        from newel.client import rotating

        del headers
        rotating.load(tls, self.pair)

    def renew(self) -> Self:
        """Renew over mutual TLS or, after expiry, by a token that its key signs."""
        from newel.client.identity import Identity

        with connection.explain_refusals():
            renewed = Identity(self.pair, self.authority, self.root).renew()
        return type(self).of(renewed, self.authority, self.root)

    def access(self, scopes: Sequence[str]) -> Access:
        """Get a certificate for the same names and a new key, which can be revoked separately."""
        from newel.cli.operations import certificate_requests as requests
        from newel.client import calls
        from newel.client.credential import of_answer
        from newel.crypto import keys

        if scopes:
            raise UsageError("a certificate has no scopes: its names are its rights")
        key, leaf = keys.generate(), self.pair.certificate
        csr = requests.make(key, requests.common_name(leaf), requests.names_of(leaf))
        with connection.explain_refusals(), self._connect() as authority:
            made = of_answer(authority.send(calls.rekey(csr)), key)
        return Access(made.key_pem() + made.chain_pem, self)

    def revoke(self) -> bool:
        """Revoke the certificate by its own key; an expired one needs no revocation."""
        from newel.client import calls

        pair = self.pair
        if pair.not_after > now():
            serial = str(pair.certificate.serial_number)
            with connection.explain_refusals(), self._connect() as authority:
                authority.send(calls.revoke(serial, reason_code=CESSATION, reason="logged out"))
        return True

    def _connect(self) -> "Authority":
        from newel.client import rotating
        from newel.client.authority import Authority
        from newel.client.trust import client_tls

        tls = client_tls(self.root)
        rotating.load(tls, self.pair)
        return Authority(self.authority, tls)
