"""Answers http-01 challenges (RFC 8555 §8.3): from a server of its own, or by files for one that runs."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from newel.acme.challenges import HTTP_PREFIX, http_path
from newel.client.acme_events import Prove
from newel.client.challenge_server import ChallengeServer, parse_address


class Standalone(ChallengeServer):
    """A server of its own on ``address`` (":80", "127.0.0.1:8080"), while it is used as a context."""

    def __init__(self, address: str) -> None:
        answers: dict[str, str] = {}

        class Handler(BaseHTTPRequestHandler):
            """Knows the challenges' paths and nothing else."""

            timeout = 10

            def do_GET(self) -> None:
                """Answers one challenge."""
                text = answers.get(self.path)
                self.send_response(200 if text else 404)
                body = (text or "").encode()
                self.send_header("Content-Type", "application/octet-stream")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
                """Says nothing."""

        self._answers = answers
        super().__init__(ThreadingHTTPServer(parse_address(address), Handler))

    def prove(self, challenge: Prove) -> None:
        """Answers from now on."""
        self._answers[http_path(challenge.token)] = challenge.authorization

    def withdraw(self, _: str, token: str) -> None:
        """Answers no more."""
        self._answers.pop(http_path(token), None)


class Webroot:
    """Files below the folder a web server shows."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) / HTTP_PREFIX.strip("/")

    def prove(self, challenge: Prove) -> None:
        """Write the answer where the server finds it. Raises OSError."""
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        file = self._file(challenge.token)
        file.write_text(challenge.authorization)
        file.chmod(0o644)

    def withdraw(self, _: str, token: str) -> None:
        """Remove the answer."""
        self._file(token).unlink(missing_ok=True)

    def _file(self, token: str) -> Path:
        """Return the file of a token; the server chooses the token, but must not choose the folder."""
        if not token or not token.replace("-", "").replace("_", "").isalnum():
            raise ValueError("the challenge's token is not base64url")
        return self._folder / token
