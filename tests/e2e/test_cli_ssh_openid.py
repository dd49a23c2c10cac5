"""A person logs in to SSH with an OpenID provider: our oauth, the real step-ca, the real agent."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import signal
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from fixtures.running import NEWEL, others, run
from fixtures.step_ca import running, step_ca
from newel.client.clock import now

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-agent")


class Provider(http.server.BaseHTTPRequestHandler):
    """An OpenID provider that knows one person."""

    key = ECKey.generate_key("P-256", {"kid": "k", "alg": "ES256", "use": "sig"})
    asked: dict[str, str] = {}  # noqa: RUF012 - one provider, one request at a time

    def do_GET(self) -> None:
        here = f"http://{self.headers['Host']}"
        if self.path.startswith("/.well-known/"):
            self.reply({"issuer": here, "jwks_uri": f"{here}/keys", "token_endpoint": f"{here}/token",
                        "authorization_endpoint": f"{here}/authorize"})  # fmt: skip
        elif self.path == "/keys":
            self.reply({"keys": [self.key.as_dict(private=False)]})
        else:
            type(self).asked = dict(parse_qsl(urlsplit(self.path).query))
            self.reply({})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.asked["code_challenge"]
        issued = int(now().timestamp())
        claims: dict[str, Any] = {
            "iss": f"http://{self.headers['Host']}", "aud": "client", "sub": "42",
            "email": "Joe.Doe@example.com", "email_verified": True, "nonce": self.asked["nonce"],
            "iat": issued, "exp": issued + 300,
        }  # fmt: skip
        self.reply({"id_token": jwt.encode({"alg": "ES256", "kid": "k"}, claims, self.key)})

    def reply(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Quiet."""


@contextlib.contextmanager
def agent(home: Path) -> Generator[str]:
    socket = str(home / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield socket
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def test_the_provider_vouches_and_the_agent_holds_the_certificate(tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    issuer = f"http://127.0.0.1:{server.server_address[1]}"
    with step_ca(tmp_path / "state", "--ssh") as first:
        pass
    home = {**os.environ, "STEPPATH": str(first.state)}
    run([others("step"), "ca", "provisioner", "add", "people", "--type", "OIDC", "--ssh",
         "--client-id", "client", "--configuration-endpoint",
         f"{issuer}/.well-known/openid-configuration",
         "--ca-config", first.state / "config/ca.json"], env=home)  # fmt: skip
    with running(first.state, first.port, first.password_file), agent(tmp_path) as socket:
        env = {**home, "SSH_AUTH_SOCK": socket, "STEP_OPEN_BROWSER": "0"}
        login = subprocess.Popen(
            [NEWEL, "ssh", "login", "--provisioner", "people"],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, start_new_session=True,
        )  # fmt: skip
        assert login.stderr is not None
        said = ""
        for line in login.stderr:
            said += line
            if line.startswith("http"):
                urlopen(line.strip()).close()  # noqa: S310 - the provider above
                query = urlencode({"code": "c", "state": Provider.asked["state"]})
                urlopen(f"{Provider.asked['redirect_uri']}/?{query}").close()  # noqa: S310
        assert login.wait(30) == 0, said
        assert "✔ SSH Agent: yes" in said
        (held,) = json.loads(run([NEWEL, "ssh", "list", "--output", "json"], env=env).stdout)
        assert held["comment"] == "Joe.Doe@example.com"
        assert held["principals"] == ["joedoe", "Joe.Doe", "Joe.Doe@example.com"]
        again = run([NEWEL, "ssh", "login", "--provisioner", "people"], env=env)
        assert "already present" in again.stderr
    server.shutdown()
    server.server_close()
