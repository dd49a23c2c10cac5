"""Every certificate of ten thousand clients is replaced before its time, as after an issuer's compromise."""

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from fixtures.administrator import Administrator
from fixtures.fleet import serve_managed, start_fleet
from fixtures.running import Authority, wait_until

CLIENTS = 10_000
LIST = ["ca", "acme", "replacement", "list", "--output", "json"]


class Catalogue:
    """The inventory, as an administrator reads it."""

    def __init__(self, authority: Authority) -> None:
        self._url = f"{authority.url}/inventory"
        self._context = ssl.create_default_context(cafile=str(authority.root))
        state = authority.state
        certificate = state / "certs/administrator.crt"
        self._context.load_cert_chain(certificate, state / "secrets/administrator_key")

    def read(self, path: str) -> Any:
        url = f"{self._url}/{path}"
        with urllib.request.urlopen(url, context=self._context) as answer:  # noqa: S310 - https
            return json.load(answer)


@pytest.mark.needs("go", "private-mounts")  # root has them, who may listen at port 80
def test_all_of_ten_thousand_certificates_are_replaced_when_renewal_information_says_so(
    tmp_path: Path,
) -> None:
    with (
        serve_managed(tmp_path / "state", "--workers", "2") as authority,
        start_fleet(
            authority, tmp_path, clients=CLIENTS, accounts=16, spread=60, quiet=10
        ) as fleet,
    ):
        issued = fleet.read("issued")
        assert (issued["certificates"], issued["errors"]) == (CLIENTS, 0), issued
        fleet.read("quiet")
        home = tmp_path / "home"
        home.mkdir()
        administrator = Administrator(authority, home).bootstrap()
        administrator.ours("ca", "acme", "replacement", "add", "all")
        (listed,) = json.loads(administrator.ours(*LIST))
        assert (listed["total"], listed["replaced"], listed["mostReplacedAt"]) == (CLIENTS, 0, "")
        fleet.go_on()
        replaced = fleet.read("replaced")
        assert (replaced["certificates"], replaced["errors"]) == (CLIENTS, 0), replaced
        # none failed, and a client that had to wait was told for how long
        assert (replaced["expired"], replaced["failed"], replaced["untold"]) == (0, 0, 0)
        (listed,) = json.loads(administrator.ours(*LIST))
        assert (listed["total"], listed["replaced"]) == (CLIENTS, CLIENTS)
        assert listed["issuedBefore"] < listed["mostReplacedAt"]
        check_lineages(Catalogue(authority))


def check_lineages(catalogue: Catalogue) -> None:
    """Each client is one endpoint, whose lineage is the certificate and its successor."""
    query = "provisioner=acme&limit=1000"

    def count(kind: str) -> int:
        found, cursor = 0, ""
        while True:
            page = catalogue.read(f"{kind}?{query}{cursor}")
            found += len(page[kind])
            if not page["next"]:
                return found
            cursor = f"&cursor={page['next']}"

    wait_until(lambda: count("certificates") == 2 * CLIENTS)
    assert count("endpoints") == CLIENTS
    page = catalogue.read(f"endpoints?{query}")["endpoints"]
    for each in page[::20]:
        lineage = catalogue.read(f"endpoints/{each['id']}")
        assert len(lineage["certificates"]) == 2, lineage
