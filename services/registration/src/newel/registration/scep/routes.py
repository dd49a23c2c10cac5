"""The ASGI application under ``/scep/{provisioner}``, for HTTPS and plain HTTP (RFC 8894 §4)."""

import base64
import binascii
import logging
from urllib.parse import parse_qs, unquote

from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.provisioners.scep import SCEPProvisioner, SCEPProvisioners
from newel.registration.scep.error_responses import TEXT, error_response
from newel.registration.scep.server import DecidedError, SCEPServer
from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.request_body import read_body
from newel.runtime.http.response import Response
from newel.runtime.request_id import request_id
from newel.scep import requests, responses
from newel.scep.constants import MAX_MESSAGE, MessageError

_log = logging.getLogger("newel.registration.scep")

_MESSAGE = b"application/x-pki-message"
_ONE = b"application/x-x509-ca-cert"
_SEVERAL = b"application/x-x509-ca-ra-cert"
_NEXT = b"application/x-x509-next-ca-cert"
_NO_STORE = (b"cache-control", b"no-store")
_MAX_QUERY = 2 * MAX_MESSAGE


class SCEPApp:
    """Finds the provisioner and the operation, and always answers."""

    def __init__(
        self, server: SCEPServer, provisioners: SCEPProvisioners, audit_trail: AuditTrail
    ) -> None:
        self._server = server
        self._provisioners = provisioners
        self._audit_trail = audit_trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        scope[ROUTE] = "scep"
        try:
            response = await self._respond(scope, receive)
        except NewelError as error:
            self._audit_error(scope, error)
            response = error_response(error)
        except Exception:  # noqa: BLE001 - the border: a client learns nothing of it
            _log.exception("a request could not be answered")
            response = error_response(NewelError(ErrorType.SERVER_INTERNAL, ""))
        await response.send(send, _NO_STORE, body=scope["method"] != "HEAD")

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        method = scope["method"]
        if method not in {"GET", "HEAD", "POST"}:
            raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "SCEP is spoken with GET and POST")
        provisioner = self._provisioner(scope["path"])
        query = _parse_query(scope["query_string"])
        operation = query.get("operation", "")
        if method == "POST" and operation != "PKIOperation":
            raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "only PKIOperation is sent with POST")
        match operation:
            case "GetCACaps":
                return Response(200, (await self._server.capabilities(provisioner)).encode(), TEXT)
            case "GetCACert":
                found = await self._server.certificates(provisioner)
                if len(found) == 1:
                    return Response(200, found[0], _ONE)
                return Response(200, responses.certificates_only(found), _SEVERAL)
            case "GetNextCACert":
                return Response(200, await self._server.next_certificates(provisioner), _NEXT)
            case "PKIOperation":
                data = (
                    await read_body(receive, MAX_MESSAGE, scope["headers"])
                    if method == "POST"
                    else _decode_message(query.get("message", ""))
                )
                return Response(200, await self._operate(provisioner, data), _MESSAGE)
            case _:
                raise NewelError(ErrorType.MALFORMED, f"unknown operation {operation[:64]!r}")

    async def _operate(self, provisioner: SCEPProvisioner, data: bytes) -> bytes:
        try:
            request = requests.read(data)
        except MessageError as error:
            raise NewelError(ErrorType.MALFORMED, str(error)) from None
        return await self._server.operate(provisioner, request, request_id())

    def _provisioner(self, path: str) -> SCEPProvisioner:
        """Find the provisioner of ``/scep/NAME`` and ``/scep/NAME/pkiclient.exe``."""
        name, _, _ = path.removeprefix("/scep/").partition("/")
        found = self._provisioners(name) or self._provisioners(unquote(name))
        if found is None:
            raise NewelError(ErrorType.NOT_FOUND, "there is no SCEP provisioner of this name")
        return found

    def _audit_error(self, scope: Scope, error: NewelError) -> None:
        if isinstance(error, DecidedError):
            return
        path = str(scope["path"])[:256]
        self._audit_trail.write(Decision("scep.request", {"provisioner": "", "path": path}, error))


def _parse_query(query: bytes) -> dict[str, str]:
    """Return the last value of each parameter."""
    if len(query) > _MAX_QUERY:
        raise NewelError(ErrorType.TOO_LARGE, "the query is too large")
    try:
        found = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        raise NewelError(ErrorType.MALFORMED, "the query cannot be read") from None
    return {name: values[-1] for name, values in found.items()}


def _decode_message(text: str) -> bytes:
    """Decode the message of a GET. Some clients leave a plus sign as it is, which reads as a blank."""
    try:
        return base64.b64decode(text.replace(" ", "+").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise NewelError(ErrorType.MALFORMED, "the message is not base64") from None
