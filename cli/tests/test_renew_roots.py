"""`ca renew --roots-file`: the roots that the authority serves, in a file for programs that trust it."""

from collections.abc import Generator
from pathlib import Path

import pytest

from newel.cli.errors import CliError
from newel.cli.operations.connection import AuthorityOptions
from newel.cli.operations.renewal import served_roots
from newel.client.throwaway import ThrowawayAuthority
from newel.client.throwaway_server import ThrowawayServer


@pytest.fixture
def server() -> Generator[ThrowawayServer]:
    with ThrowawayServer(ThrowawayAuthority()) as running:
        yield running


def test_the_file_is_replaced_when_the_authority_has_other_roots(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    root, file = tmp_path / "root.crt", tmp_path / "roots.pem"
    root.write_text(server.authority.root_pem)
    options = AuthorityOptions("step ca renew", tmp_path, ca_url=server.url, root=str(root))
    file.write_text(ThrowawayAuthority().root_pem)
    assert served_roots.update(options, str(file))
    assert file.read_text() == server.authority.root_pem
    assert not served_roots.update(options, str(file))
    file.write_text("")
    assert served_roots.update(options, str(file))


def test_a_file_that_has_no_certificates_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "service.key"
    file.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(CliError, match="there is no certificate in it"):
        served_roots.check(str(file))
    served_roots.check(str(tmp_path / "absent.pem"))
