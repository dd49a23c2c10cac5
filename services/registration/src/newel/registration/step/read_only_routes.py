"""The routes of the step API that only tell: health, trust and provisioners."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from newel.registration.authority import Authority
from newel.registration.errors import malformed
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.step.fingerprint import normalise
from newel.step.messages import (
    ProvisionerKeyResponse,
    ProvisionersResponse,
    StatusResponse,
    VersionResponse,
)

_encode = msgspec.json.Encoder().encode
_PEM_FILE = "application/x-pem-file"
_LONGEST_LIMIT = 9


class ReadOnlyRoutes:
    """Answers from what the authority knows in memory."""

    def __init__(
        self, authority: Authority, version: str, crl: str, *, encrypted_keys: bool = True
    ) -> None:
        """``encrypted_keys`` is whether strangers get the escrowed keys of provisioners."""
        self._authority = authority
        self._encrypted_keys = encrypted_keys
        self._crl = crl
        self._version = _encode(VersionResponse(version)) + b"\n"

    def routes(self) -> list[BaseRoute]:
        """Every route, with and without ``/1.0``."""
        handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {
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
        ssh = "ssh/{rest:path}"
        return [
            Route(f"{prefix}/{path}", _named(path, handler), methods=methods)
            for path, handler, methods in (
                *((path, handler, ["GET"]) for path, handler in handlers.items()),
                (ssh, self.ssh, ["GET", "POST"]),
            )
            for prefix in ("", "/1.0")
        ]

    async def health(self, _: Request) -> Response:
        """It answers. Whether it can work is for ``/readyz`` to say."""
        return _json(_encode(StatusResponse()) + b"\n")

    async def ssh(self, _: Request) -> Response:
        """Say why, to whoever asks for a part of the API that this version has not."""
        raise NewelError(ErrorType.NOT_FOUND, "This authority issues no SSH certificates yet.")

    async def version(self, _: Request) -> Response:
        """What this is."""
        return _json(self._version)

    async def root(self, request: Request) -> Response:
        """One root by its fingerprint; clients fetch it before they can trust this server."""
        sha = normalise(request.path_params["sha"])
        found = self._authority.trust.by_fingerprint.get(sha)
        if found is None:
            raise NewelError(
                ErrorType.NOT_FOUND,
                f'root certificate with fingerprint "{sha[:128]}" was not found',
            )
        return _json(found)

    async def roots(self, _: Request) -> Response:
        """The roots; 201, as clients know it."""
        return _json(self._authority.trust.roots_json, 201)

    async def roots_pem(self, _: Request) -> Response:
        """The roots in one file."""
        return Response(self._authority.trust.roots_pem, media_type=_PEM_FILE)

    async def intermediates(self, _: Request) -> Response:
        """The intermediates that issue; 201, or 501 when the root issues."""
        found = self._authority.trust.intermediates_json
        if found is None:
            raise NewelError(ErrorType.NOT_IMPLEMENTED, "", cause="there are no intermediates")
        return _json(found, 201)

    async def intermediates_pem(self, _: Request) -> Response:
        """The intermediates in one file."""
        found = self._authority.trust.intermediates_pem
        if not found:
            raise NewelError(ErrorType.NOT_IMPLEMENTED, "", cause="there are no intermediates")
        return Response(found, media_type=_PEM_FILE)

    async def federation(self, _: Request) -> Response:
        """The roots and those of federated authorities."""
        return _json(self._authority.trust.federation_json, 201)

    async def crl(self, _: Request) -> Response:
        """Leads to the list of the issuer that issues now: lists are served without TLS."""
        active = self._authority.trust.active
        if not self._crl or not active:
            raise NewelError(ErrorType.NOT_FOUND, "", cause="no revocation lists are published")
        return RedirectResponse(self._crl.replace("{issuer}", active[0].id), 302)

    async def provisioners(self, request: Request) -> Response:
        """One page of provisioners."""
        text = request.query_params.get("limit", "")
        try:
            limit = int(text) if text and len(text) <= _LONGEST_LIMIT else 0
        except ValueError:
            raise malformed(f"limit '{text}' is not an integer") from None
        cursor = request.query_params.get("cursor", "")
        page, following = self._authority.provisioners.page(cursor, limit)
        shown = list(page)
        if not self._encrypted_keys:
            shown = [{key: each[key] for key in each if key != "encryptedKey"} for each in page]
        return _json(_encode(ProvisionersResponse(shown, following)) + b"\n")

    async def encrypted_key(self, request: Request) -> Response:
        """The escrowed key of a JWK provisioner, which only its password opens."""
        key = self._authority.provisioners.encrypted_key(request.path_params["kid"])
        if not key or not self._encrypted_keys:
            raise NewelError(ErrorType.NOT_FOUND, "", cause="no provisioner with this key id")
        return _json(_encode(ProvisionerKeyResponse(key)) + b"\n")


def _json(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


def _named(
    path: str, handler: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def named(request: Request) -> Response:
        request.scope[ROUTE] = path
        return await handler(request)

    return named
