"""An authority that listens for other machines, and the names under which they can reach it."""

from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import serve_newel

WARNING = "is for other machines, but they know this authority by no name"


@pytest.mark.parametrize(
    ("flags", "warned"),
    [
        (("--address", "0.0.0.0:{0}"), True),
        (("--address", ":{0}"), True),
        (("--address", ":{0}", "--dns", "localhost,ca.localhost,127.0.0.2"), True),
        (("--address", ":{0}", "--dns", "localhost,ca.example"), False),
        (("--address", ":{0}", "--dns", "localhost,192.0.2.1"), False),
        (("--address", "localhost:{0}"), False),
    ],
)
def test_every_start_says_that_no_name_leads_to_it(
    tmp_path: Path, flags: tuple[str, ...], warned: bool
) -> None:
    port, http = free_port(), free_port()
    words = [word.format(port) for word in flags]
    for _ in ("first", "later"):
        with serve_newel(tmp_path / "state", port, http, *words) as (authority, _process):
            lines = authority.log.read_text().splitlines()
        said = [line for line in lines if WARNING in line]
        authority.log.unlink()
        assert bool(said) == warned
        assert all(f"certificates name http://localhost:{http}" in line for line in said)
