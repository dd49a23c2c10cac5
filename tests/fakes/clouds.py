"""Three clouds: the metadata service of an instance, and the public addresses where their keys are.

An authority reaches the latter by a proxy that is every host behind it, so that the very addresses are
asked and nothing leaves this machine.
"""

import base64
import datetime as dt
import json
import secrets
import ssl
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from fakes.local_server import LocalServer
from newel.client.clock import now

TENANT = "5a7e1b8c-0000-4000-8000-000000000001"
GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs"
AZURE = f"https://login.microsoftonline.com/{TENANT}"
HOSTS = ("www.googleapis.com", "login.microsoftonline.com")


class Cloud:
    """What signs for an instance, whichever cloud it is in."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self._jwk = RSAKey.import_key(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            {"kid": "cloud", "alg": "RS256", "use": "sig"},
        )
        self._number = 0
        self.launch()

    def launch(self) -> None:
        """Speak for another instance from now on."""
        self._number += 1
        self.name = f"foo-{self._number}"
        self.document = json.dumps({
            "accountId": "123456789012", "instanceId": f"i-{self._number:017x}", "privateIp": "10.0.0.7",
            "region": "eu-central-1", "pendingTime": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }).encode()  # fmt: skip # a table

    def public(self, azure: str = AZURE) -> dict[str, Any]:
        """By address, what the world may know; the tenant's login is at ``azure``."""
        keys = {"keys": [self._jwk.as_dict(private=False)]}
        discovery = {"issuer": f"https://sts.windows.net/{TENANT}/", "jwks_uri": f"{azure}/keys"}
        return {
            GOOGLE_KEYS: keys,
            f"{azure}/.well-known/openid-configuration": discovery,
            f"{azure}/keys": keys,
        }

    def certificate(self) -> bytes:
        """The certificate that AWS's signatures are verified with, PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "instance identity")])
        made = x509.CertificateBuilder(name, name, self.key.public_key()).serial_number(1)
        made = made.not_valid_before(now()).not_valid_after(now() + dt.timedelta(days=1))
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def sign_document(self) -> bytes:
        """AWS: the signature of the identity document, base64."""
        return base64.b64encode(self.key.sign(self.document, padding.PKCS1v15(), hashes.SHA256()))

    def google(self, audience: str) -> str:
        """GCP: an identity token with the instance's details."""
        engine = {
            "instance_id": str(self._number), "instance_name": self.name, "project_id": "p", "zone": "z",
            "instance_creation_timestamp": int(now().timestamp()),
        }  # fmt: skip # a table
        return self.token({
            "iss": "https://accounts.google.com", "aud": audience, "sub": "1234567890",
            "email": "robot@p.iam.gserviceaccount.com", "google": {"compute_engine": engine},
        })  # fmt: skip # a table

    def azure(self, resource: str) -> str:
        """Azure: an access token of the instance's managed identity."""
        group = "/subscriptions/s/resourcegroups/g/providers"
        return self.token({
            "iss": f"https://sts.windows.net/{TENANT}/", "aud": resource, "tid": TENANT, "oid": "o",
            "sub": "o", "xms_mirid": f"{group}/Microsoft.Compute/virtualMachines/{self.name}",
        })  # fmt: skip # a table

    def token(self, claims: dict[str, Any]) -> str:
        """Signed, good for five minutes unless the claims say otherwise."""
        issued = int(now().timestamp())
        times = {"iat": issued, "nbf": issued, "exp": issued + 300}
        return jwt.encode({"alg": "RS256", "kid": "cloud", "typ": "JWT"}, times | claims, self._jwk)


class Quiet(BaseHTTPRequestHandler):
    """Answers with octets."""

    def reply(self, body: bytes | None) -> None:
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
        """Nothing."""


class MetadataService(LocalServer):
    """The one service for all three; ``asked`` is what it was asked, path by path.

    It is a proxy for itself as well: the original step has no variable for its address, but honours
    ``HTTP_PROXY``.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.asked: list[str] = []
        super().__init__(self._handler(cloud))
        self.address = f"127.0.0.1:{self.port}"

    def _handler(self, cloud: Cloud) -> type[Quiet]:
        asked, session = self.asked, secrets.token_urlsafe()

        class Handler(Quiet):
            def do_PUT(self) -> None:
                path = urlsplit(self.path).path
                asked.append(path)
                given = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
                good = path == "/latest/api/token" and given
                self.reply(session.encode() if good else None)

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked.append(parts.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.reply(self.answer(parts.path, query))

            def answer(self, path: str, query: Mapping[str, str]) -> bytes | None:
                identity = "/latest/dynamic/instance-identity/"
                if path.startswith(identity):
                    if self.headers.get("X-aws-ec2-metadata-token") != session:
                        return None
                    found = {"document": cloud.document, "signature": cloud.sign_document()}
                    return found.get(path.removeprefix(identity))
                if path == "/computeMetadata/v1/instance/service-accounts/default/identity":
                    wanted = (
                        self.headers.get("Metadata-Flavor") == "Google"
                        and query.get("format") == "full"
                    )
                    return cloud.google(query["audience"]).encode() if wanted else None
                if path == "/metadata/instance/compute/azEnvironment":
                    return b"AzurePublicCloud"
                if (
                    path == "/metadata/identity/oauth2/token"
                    and self.headers.get("Metadata") == "true"
                ):
                    token = cloud.azure(query["resource"])
                    return json.dumps({"access_token": token, "token_type": "Bearer"}).encode()
                return None

        return Handler


class Internet(LocalServer):
    """An HTTPS proxy that is each of the hosts it is asked to connect to.

    Its certificate must be good for them; ``pages`` are JSON by address.
    """

    def __init__(self, certificate: Path, key: Path, pages: Mapping[str, Any]) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)

        class Handler(Quiet):
            def do_CONNECT(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.connection = tls.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb")
                self.handle_one_request()

            def do_GET(self) -> None:
                page = pages.get(f"https://{self.headers['Host']}{self.path}")
                self.reply(None if page is None else json.dumps(page).encode())

        super().__init__(Handler)
        self.address = f"127.0.0.1:{self.port}"


class KeyServer(LocalServer):
    """The public pages of the clouds, for an authority that asks this machine for them."""

    def __init__(self, cloud: Cloud, certificate: Path, key: Path) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        pages: dict[str, Any] = {}

        class Handler(Quiet):
            def do_GET(self) -> None:
                page = pages.get(self.path)
                self.reply(None if page is None else json.dumps(page).encode())

        super().__init__(Handler, tls)
        login = f"https://localhost:{self.port}/{TENANT}"
        self.google_keys = f"https://localhost:{self.port}{urlsplit(GOOGLE_KEYS).path}"
        self.azure_discovery = f"{login}/.well-known/openid-configuration"
        pages.update({urlsplit(url).path: page for url, page in cloud.public(login).items()})
