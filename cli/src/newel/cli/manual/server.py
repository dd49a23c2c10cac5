"""The pages over HTTP, for one's own browser."""

import tempfile
from functools import partial

from newel.cli import file_server
from newel.cli.manual import files


def serve(address: str) -> int:
    """Serves until it is interrupted."""
    with tempfile.TemporaryDirectory() as folder:
        files.write("html", folder)
        handler = partial(file_server.Handler, directory=folder)
        server = file_server.bound(address, handler)
        try:
            file_server.serve(server)
        finally:
            server.server_close()
    return 0
