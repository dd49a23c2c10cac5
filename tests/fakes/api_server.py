"""An API server as far as the controller and its tests use one: objects, versions, watches, tokens.

It has neither rights nor definitions: every kind is there, every field is kept, everyone may do everything.
`tests/kubernetes` runs on the real one where that is installed.
"""

import copy
import datetime as dt
import json
import ssl
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt

from fakes.local_server import LocalServer
from fakes.token_issuer import make_key
from newel.runtime.clock import SystemClock
from newel.runtime.tls.mutual import TLSFiles

Object = dict[str, Any]
WATCH_SECONDS = 20.0


class APIServer(LocalServer):
    """Keeps objects by their path, and every change of them for those who watch."""

    def __init__(self, files: TLSFiles) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.certificate, files.key)
        self.objects: dict[str, Object] = {}
        self.changes: list[tuple[int, str, str, Object]] = []
        self.changed = threading.Condition()
        self.version = 1
        self.key = make_key("cluster", "RS256")
        self.down = False
        super().__init__(_handler(self), tls)
        self.url = f"https://localhost:{self.port}"

    def store(self, path: str, found: Object) -> Object:
        """Store an object under its path; what is as before gets no new version."""
        with self.changed:
            before = self.objects.get(path)
            metadata = found.setdefault("metadata", {})
            metadata.setdefault("uid", before["metadata"]["uid"] if before else str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", format_time(SystemClock().now()))
            if before is not None:
                metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
                if before == found:
                    return found
            same = before is not None and before.get("spec") == found.get("spec")
            generation = before["metadata"]["generation"] if before else 0
            metadata["generation"] = generation if same else generation + 1
            self.version += 1
            metadata["resourceVersion"] = str(self.version)
            self.objects[path] = found
            type_ = "MODIFIED" if before else "ADDED"
            self.changes.append((self.version, type_, path, copy.deepcopy(found)))
            self.changed.notify_all()
        return found

    def remove(self, path: str) -> None:
        """Delete an object."""
        with self.changed:
            found = self.objects.pop(path)
            self.version += 1
            found["metadata"]["resourceVersion"] = str(self.version)
            self.changes.append((self.version, "DELETED", path, found))
            self.changed.notify_all()

    def list_all(self, collection: str) -> list[Object]:
        """Return the objects of a collection, in all namespaces where it names none."""
        return [found for path, found in self.objects.items() if is_in(path, collection)]

    def sign(self, namespace: str, account: str, audiences: list[str]) -> str:
        """Return a token of a service account."""
        now = int(SystemClock().unix())
        claims = {
            "iss": self.url, "sub": f"system:serviceaccount:{namespace}:{account}", "aud": audiences,
            "iat": now, "nbf": now, "exp": now + 600, "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": "1"}},
        }  # fmt: skip # a table
        header = {"alg": "RS256", "kid": "cluster"}
        return jwt.encode(header, claims, self.key, algorithms=["RS256"])


def format_time(moment: dt.datetime) -> str:
    """Return a moment as metav1.Time has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_in(path: str, collection: str) -> bool:
    """Tell whether an object's path is in a collection: with its namespace, or of any."""
    base, _, plural = collection.rpartition("/")
    found, _, _ = path.rpartition("/")
    if found == collection:
        return True
    group, middle, rest = found.partition("/namespaces/")
    return bool(middle) and group == base and rest.partition("/")[2] == plural


def names_object(path: str) -> bool:
    """Tell whether a path names one object, and not a collection."""
    parts = path.split("/")[3 if path.startswith("/api/") else 4 :]
    return len(parts) == (4 if parts[0] == "namespaces" and len(parts) > 2 else 2)


def merge_status(before: Object, status: Object) -> Object:
    """Merge a status as server-side apply does: conditions by their types."""
    merged = {**before, **status}
    if "conditions" in status:
        own = {each["type"]: each for each in status["conditions"]}
        kept = [each for each in before.get("conditions", []) if each["type"] not in own]
        merged["conditions"] = [*kept, *own.values()]
    return merged


def _handler(server: APIServer) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (Handler,), {"kept": server})


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    kept: APIServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/openid/v1/jwks":
            self.reply(200, {"keys": [self.kept.key.as_dict(private=False)]})
        elif query.get("watch") == "true" and not self.kept.down:
            self.watch(url.path, int(query.get("resourceVersion") or 0))
        elif url.path in self.kept.objects:
            self.reply(200, self.kept.objects[url.path])
        elif names_object(url.path):
            self.refuse(404, "not found")
        else:
            found = {
                "items": self.kept.list_all(url.path),
                "metadata": {"resourceVersion": str(self.kept.version)},
            }
            self.reply(200, found)

    def watch(self, collection: str, version: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        end = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < end and not self.kept.down:
            with self.kept.changed:
                new = [
                    each
                    for each in self.kept.changes
                    if each[0] > version and is_in(each[2], collection)
                ]
                if not new:
                    self.kept.changed.wait(0.5)
            for number, type_, _, found in new:
                version = number
                line = json.dumps({"type": type_, "object": found}).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self.read()
        parts = path.split("/")
        if parts[-1] == "token":
            token = self.kept.sign(parts[-4], parts[-2], body["spec"]["audiences"])
            self.reply(201, {**body, "status": {"token": token, "expirationTimestamp": None}})
            return
        place = f"{path}/{body['metadata']['name']}"
        if place in self.kept.objects:
            self.refuse(409, "already exists")
        else:
            self.reply(201, self.kept.store(place, body))

    def do_PUT(self) -> None:
        path, body = urlsplit(self.path).path, self.read()
        found = self.kept.objects.get(path)
        if found is None:
            self.refuse(404, "not found")
        elif found["metadata"]["resourceVersion"] != body["metadata"].get("resourceVersion"):
            self.refuse(409, "the object has been modified")
        else:
            self.reply(200, self.kept.store(path, body))

    def do_PATCH(self) -> None:
        path, body = urlsplit(self.path).path, self.read()
        target = path.removesuffix("/status")
        before = copy.deepcopy(self.kept.objects.get(target))
        if path == target:
            status = {"status": before["status"]} if before and "status" in before else {}
            metadata = {**(before["metadata"] if before else {}), **body["metadata"]}
            self.reply(200, self.kept.store(path, {**body, "metadata": metadata, **status}))
        elif before is None:
            self.refuse(404, "not found")
        elif body["metadata"].get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]:
            self.refuse(409, "the uid is another")
        else:
            before["status"] = merge_status(before.get("status", {}), body["status"])
            self.reply(200, self.kept.store(target, before))

    def do_DELETE(self) -> None:
        path = urlsplit(self.path).path
        self.kept.remove(path)
        self.reply(200, {"kind": "Status", "status": "Success"})

    def read(self) -> Object:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def refuse(self, status: int, message: str) -> None:
        self.reply(
            status, {"kind": "Status", "status": "Failure", "code": status, "message": message}
        )

    def reply(self, status: int, document: Any) -> None:
        status = 503 if self.kept.down else status
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
        """Quiet."""
