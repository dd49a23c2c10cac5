"""Identity tokens of cloud instances, asked from the metadata service of the machine this runs on."""

import base64
import hashlib
import hmac
import json
import os
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from newel.cli.errors import CliError
from newel.cli.operations.network_errors import explain

SECONDS = 5
LARGEST = 64 * 1024
LINK_LOCAL = "169.254.169.254"
AWS = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", LINK_LOCAL)
GCP = ("GCE_METADATA_HOST", "metadata")
AZURE = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", LINK_LOCAL)
"""The variable each cloud's own libraries take the service's address from, and where it is without."""
AZURE_RESOURCE = "https://management.azure.com/"


def token_of(provisioner: dict[str, Any], subject: str, audience: str) -> str:
    """Return the token of this instance for an AWS, GCP or Azure provisioner. Raises CliError."""
    kind, name = str(provisioner["type"]), str(provisioner["name"])
    full = f"{audience}#{kind.lower()}/{name}"
    if kind == "GCP":
        query = urlencode({"audience": full, "format": "full", "licenses": "FALSE"})
        path = f"/computeMetadata/v1/instance/service-accounts/default/identity?{query}"
        return ask(service(*GCP) + path, {"Metadata-Flavor": "Google"}).decode().strip()
    if kind == "Azure":
        resource = quote(str(provisioner.get("audience") or AZURE_RESOURCE), safe="")
        path = f"/metadata/identity/oauth2/token?resource={resource}&api-version=2018-02-01"
        try:
            return str(
                json.loads(ask(service(*AZURE) + path, {"Metadata": "true"}))["access_token"]
            )
        except (ValueError, KeyError, TypeError):
            raise CliError("the metadata service's answer holds no token") from None
    return of_aws(name, subject, full)


def of_aws(name: str, subject: str, audience: str) -> str:
    """Return the identity document and its signature, in a token keyed by that signature."""
    from newel.client.clock import now
    from newel.jose import base64url

    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "30"}
    base = service(*AWS)
    session = ask(f"{base}/latest/api/token", lifetime, method="PUT").decode()
    headers = {"X-aws-ec2-metadata-token": session}
    place = f"{base}/latest/dynamic/instance-identity"
    document = ask(f"{place}/document", headers)
    try:
        signature = base64.b64decode(ask(f"{place}/signature", headers))
        instance = str(json.loads(document)["instanceId"])
    except (ValueError, KeyError, TypeError):
        raise CliError("the instance identity document cannot be read") from None
    issued = int(now().timestamp())
    claims = {
        "iss": "ec2.amazonaws.com", "sub": subject, "aud": audience,
        "iat": issued, "nbf": issued, "exp": issued + 300,
        "jti": hashlib.sha256(f"aws/{name}.{instance}".encode()).hexdigest(),
        "amazon": {
            "document": base64.b64encode(document).decode(),
            "signature": base64.b64encode(signature).decode(),
        },
    }  # fmt: skip # a table
    head = base64url.encode(b'{"alg":"HS256","typ":"JWT"}')
    body = base64url.encode(json.dumps(claims, separators=(",", ":"), sort_keys=True).encode())
    mac = hmac.digest(signature, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64url.encode(mac)}"


def service(variable: str, default: str) -> str:
    """Return the base URL of the metadata service, which is on this machine or link. Raises CliError.

    What it says is believed, and it is asked in the clear: it is never further away than that.
    """
    from ipaddress import ip_address

    given = os.environ.get(variable)
    if not given:
        return f"http://{default}"
    parts = urlsplit(given if "://" in given else f"http://{given}")
    try:
        address, port = ip_address(parts.hostname or ""), parts.port or 80
    except ValueError:
        address, port = None, 0
    if parts.scheme != "http" or not address or not (address.is_loopback or address.is_link_local):
        raise CliError(f"{variable} is not an http address of this machine or its own link")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def ask(url: str, headers: dict[str, str], method: str = "GET") -> bytes:
    """Return the metadata service's answer; no proxy is used."""
    from urllib.request import ProxyHandler, Request, build_opener

    try:
        request = Request(url, headers=headers, method=method)  # noqa: S310 - the metadata service speaks http
        with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as answer:
            return bytes(answer.read(LARGEST))
    except (OSError, ValueError) as error:
        raise CliError(f"the cloud's metadata service cannot be asked: {explain(error)}") from None
