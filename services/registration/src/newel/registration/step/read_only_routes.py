"""The routes of the step API that change nothing: health, trust and provisioners."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

import msgspec

from newel.registration.authority import Authority
from newel.registration.paging import read_page
from newel.registration.step.routing import READ, Route
from newel.runtime.asgi import Receive, Scope
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import JSON, Response
from newel.step.fingerprint import normalise
from newel.step.messages import (
    ProvisionerKeyResponse,
    ProvisionersResponse,
    StatusResponse,
    VersionResponse,
)

_encode = msgspec.json.Encoder().encode
_PEM_FILE = b"application/x-pem-file"
_URL_CHARACTERS = ":/%#?=@[]!$&'()*+,;"
_HEALTH = Response(200, _encode(StatusResponse()) + b"\n", JSON)


class ReadOnlyRoutes:
    """Answers from the snapshots in memory."""

    def __init__(
        self, authority: Authority, version: str, crl: str, *, encrypted_keys: bool = True
    ) -> None:
        """``encrypted_keys`` is whether strangers get the escrowed keys of provisioners."""
        self._authority = authority
        self._encrypted_keys = encrypted_keys
        self._crl = crl
        self._version = _encode(VersionResponse(version)) + b"\n"

    def routes(self) -> Mapping[str, Route]:
        """Return every route by its path below the API's root."""
        handlers = {
            "health": self.health,
            "version": self.version,
            "root/{sha}": self.root,
            "roots": self.roots,
            "roots.pem": self.roots_pem,
            "intermediates": self.intermediates,
            "intermediates.pem": self.intermediates_pem,
            "federation": self.federation,
            "crl": self.crl,
            "provisioners": self.provisioners,
            "provisioners/{kid}/encrypted-key": self.encrypted_key,
        }
        return {path: Route(path, READ, handler) for path, handler in handlers.items()}

    async def health(self, _scope: Scope, _receive: Receive) -> Response:
        """Answer: the process is alive; ``/readyz`` tells whether it can work."""
        return _HEALTH

    async def version(self, _scope: Scope, _receive: Receive) -> Response:
        """Return the version."""
        return _json(self._version)

    async def root(self, scope: Scope, _receive: Receive) -> Response:
        """Return one root by its fingerprint; clients fetch it before they can trust this server."""
        sha = normalise(scope["path_params"]["sha"])
        found = self._authority.trust.by_fingerprint.get(sha)
        if found is None:
            raise NewelError(
                ErrorType.NOT_FOUND,
                f'root certificate with fingerprint "{sha[:128]}" was not found',
            )
        return _json(found)

    async def roots(self, _scope: Scope, _receive: Receive) -> Response:
        """Return the roots, with the 201 that clients expect."""
        return _json(self._authority.trust.roots_json, 201)

    async def roots_pem(self, _scope: Scope, _receive: Receive) -> Response:
        """Return the roots in one file."""
        return Response(200, self._authority.trust.roots_pem, _PEM_FILE)

    async def intermediates(self, _scope: Scope, _receive: Receive) -> Response:
        """Return the issuing intermediates with 201, or 501 when the root issues."""
        found = self._authority.trust.intermediates_json
        if found is None:
            raise NewelError(ErrorType.NOT_IMPLEMENTED, "", cause="there are no intermediates")
        return _json(found, 201)

    async def intermediates_pem(self, _scope: Scope, _receive: Receive) -> Response:
        """Return the intermediates in one file."""
        found = self._authority.trust.intermediates_pem
        if not found:
            raise NewelError(ErrorType.NOT_IMPLEMENTED, "", cause="there are no intermediates")
        return Response(200, found, _PEM_FILE)

    async def federation(self, _scope: Scope, _receive: Receive) -> Response:
        """Return the roots, including those of federated authorities."""
        return _json(self._authority.trust.federation_json, 201)

    async def crl(self, _scope: Scope, _receive: Receive) -> Response:
        """Leads to the list of the issuer that issues now: lists are served without TLS."""
        active = self._authority.trust.active
        if not self._crl or not active:
            raise NewelError(ErrorType.NOT_FOUND, "", cause="no revocation lists are published")
        url = self._crl.replace("{issuer}", active[0].id)
        return Response(302, headers=((b"location", quote(url, safe=_URL_CHARACTERS).encode()),))

    async def provisioners(self, scope: Scope, _receive: Receive) -> Response:
        """Return one page of provisioners."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        page, following = self._authority.provisioners.page(*read_page(query))
        shown = list(page)
        if not self._encrypted_keys:
            shown = [{key: each[key] for key in each if key != "encryptedKey"} for each in page]
        return _json(_encode(ProvisionersResponse(shown, following)) + b"\n")

    async def encrypted_key(self, scope: Scope, _receive: Receive) -> Response:
        """Return the encrypted key of a JWK provisioner, which needs its password."""
        key = self._authority.provisioners.encrypted_key(scope["path_params"]["kid"])
        if not key or not self._encrypted_keys:
            raise NewelError(ErrorType.NOT_FOUND, "", cause="no provisioner with this key id")
        return _json(_encode(ProvisionerKeyResponse(key)) + b"\n")


def _json(content: bytes, status: int = 200) -> Response:
    return Response(status, content, JSON)
