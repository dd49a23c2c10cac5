"""The pages over HTTP, for one's own browser."""

import tempfile
from functools import partial

from newel.cli.manual import files
from newel.cli.operations import file_server


def serve(address: str) -> int:
    """Serve until it is interrupted."""
    with tempfile.TemporaryDirectory() as folder:
        files.write("html", folder)
        handler = partial(file_server.Handler, directory=folder)
        server = file_server.bind(address, handler)
        try:
            file_server.serve(server)
        finally:
            server.server_close()
    return 0
