"""The public page: how a device comes to trust the root."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from starlette.requests import Request
from starlette.responses import Response

from newel.crypto.loading import load_pem_certificate
from newel.dashboard.decoding import describe
from newel.dashboard.interfaces import Caller, Interfaces
from newel.dashboard.place import Place
from newel.dashboard.rendering import HEADERS, Renderer
from newel.dashboard.visits import client_of
from newel.runtime.errors import ErrorType, NewelError

_FILES = {
    "pem": ("application/x-pem-file", serialization.Encoding.PEM),
    "crt": ("application/x-x509-ca-cert", serialization.Encoding.DER),
}


@dataclass(frozen=True, slots=True)
class TrustPages:
    """The routes that need no session: what they show is public."""

    interfaces: Interfaces
    renderer: Renderer
    place: Place

    async def show(self, request: Request) -> Response:
        """Show the root with its fingerprint, and what to do on each system."""
        root = await self._read_root(request)
        digest = root.fingerprint(hashes.SHA256()).hex()
        host = self.place.find_host(request)
        groups = [digest[at : at + 4] for at in range(0, len(digest), 4)]
        return self.renderer.page(
            "trust.html", root=describe(root), fingerprint=digest, groups=groups, host=host
        )

    async def download(self, request: Request) -> Response:
        """Answer the root as a file: PEM, or DER for systems that open it."""
        kind = str(request.path_params["kind"])
        if kind not in _FILES:
            raise NewelError(ErrorType.NOT_FOUND, "There is nothing here.")
        media_type, encoding = _FILES[kind]
        root = await self._read_root(request)
        disposition = f'attachment; filename="newel-root.{kind}"'
        headers = {**HEADERS, "Content-Disposition": disposition}
        return Response(root.public_bytes(encoding), 200, headers, media_type)

    async def _read_root(self, request: Request) -> x509.Certificate:
        """Return the first root, as the step API lists them. Raises ``unavailable``."""
        answer = await self.interfaces.read(Caller(None, client_of(request)), "/roots")
        try:
            return load_pem_certificate(answer["crts"][0].encode())
        except (LookupError, ValueError, TypeError) as error:
            raise NewelError(ErrorType.UNAVAILABLE, "The root cannot be read.") from error
