# ruff: noqa: INP001 - run by its path
"""Everything an identity can do, against an authority of your own.

    python full.py https://localhost:9000 FINGERPRINT admin password.txt

1. finds the authority by its fingerprint, opens the provisioner's key with the password;
2. serves an ASGI application under uvicorn that knows its callers by their certificates;
3. calls it over one kept-alive client, renews both ends, and calls again;
4. hands the certificate to a program that reads files, again after each renewal;
5. does the same from an event loop.
"""

import asyncio
import logging
import sys
import tempfile
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from newel.client.async_identity import AsyncIdentity
from newel.client.credential import Credential
from newel.client.errors import ClientError
from newel.client.identity import Identity
from newel.client.peer import Peer, PeerIdentity
from newel.client.uvicorn_peer import PeerProtocol

log = logging.getLogger("full")


async def greet(scope: MutableMapping[str, Any], _: Any, send: Any) -> None:
    """Says who is calling."""
    if scope["type"] != "http":
        return
    peer: Peer | None = scope["peer"]
    text = f"hello {peer.common_name}, serial {peer.serial}" if peer else "who are you?"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


def start(identity: Identity) -> tuple[uvicorn.Server, threading.Thread]:
    """Serve the application on a free port; clients may, but need not, have a certificate."""
    context = identity.server_context(require_client="optional")
    config = uvicorn.Config(
        PeerIdentity(greet), port=0, log_level="warning", lifespan="off", http=PeerProtocol
    )
    config.load()
    config.ssl = context
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread


async def from_an_event_loop(
    url: str, fingerprint: str, provisioner: str, password: str, target: str
) -> str:
    """Use an identity from asyncio: a task renews it while the block lasts."""
    made = await AsyncIdentity.from_password(
        url, provisioner, password, ["async.internal"], fingerprint=fingerprint
    )
    async with made as me, httpx.AsyncClient(verify=me.client_context()) as client:
        await me.renew()
        return (await client.get(target)).text


def main(url: str, fingerprint: str, provisioner: str, password_file: str) -> None:
    """Serve, call, renew and write files, once each."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    password = Path(password_file).read_text().rstrip()
    try:
        serving = Identity.from_password(
            url, provisioner, password, ["localhost", "127.0.0.1"], fingerprint=fingerprint
        )
        calling = Identity.from_password(
            url, provisioner, password, ["client.internal"], fingerprint=fingerprint, not_after="1h"
        )
    except ClientError as error:
        sys.exit(f"no identity: {error}")
    with serving, calling, tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "client.crt", Path(folder) / "client.key"

        def keep_files(credential: Credential) -> None:
            """Write the files that other programs read."""
            calling.write(certificate, key)
            log.info("files written, good until %s", credential.not_after)

        keep_files(calling.credential)
        calling.on_renewal(keep_files)
        server, thread = start(serving)
        target = f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}/"
        for _ in range(2):
            with httpx.Client(verify=calling.client_context()) as client:
                sys.stdout.write(client.get(target).text + "\n")
            serving.renew()
            calling.renew()
        said = asyncio.run(from_an_event_loop(url, fingerprint, provisioner, password, target))
        sys.stdout.write(said + "\n")
        server.should_exit = True
        thread.join(10)


if __name__ == "__main__":
    main(*sys.argv[1:5])
