"""Certificates are found by each of their names, whichever release wrote them down."""

import pytest

from fixtures.catalogue import IssuedCertificate, make_issued
from fixtures.inventory import Catalogue, inventory_client
from newel.inventory.app import REVISION
from newel.inventory.storage.names import join_names
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.migrations import migrate

INSERT = Statement("""
    INSERT INTO certificates (serial, issuer, endpoint, common_name, names, provisioner,
        provisioner_type, proof, not_before, not_after, issued_at, fingerprint)
    VALUES ($1, '', '', '', $2, '', '', '', 0, 0, 0, $1)""")
NAMES = [
    ("dns:Web.Example", "ip:192.0.2.1"),
    (r"uri:a\nb", r"uri:c\\", "uri:d"),
    ('uri:"q"', "uri:],[", "uri:\\u000a\\"),
    ("uri:\t\x01", "email:ä@b.example"),
    (),
    ("uri:" + "x" * 3000, "uri:" + "y" * 600),
]


async def read_index(database: Database) -> dict[bytes, set[str]]:
    """What the index holds of each certificate."""
    found: dict[bytes, set[str]] = {}
    for name, serial in await database.fetch(
        Statement("SELECT name, serial FROM certificate_names")
    ):
        found.setdefault(serial, set()).add(name)
    return found


def expect_index() -> dict[bytes, set[str]]:
    """The same as it should be."""
    return {
        bytes([number]): {name.lower()[:512] for name in names}
        for number, names in enumerate(NAMES)
        if names
    }


async def write_rows(database: Database) -> None:
    """Write certificates with these names, past what events are read by."""
    rows = [(bytes([number]), join_names(names)) for number, names in enumerate(NAMES)]
    await database.apply(*(Write(INSERT, row) for row in rows))


async def test_the_database_keeps_the_index(database: Database) -> None:
    await write_rows(database)
    assert await read_index(database) == expect_index()


async def test_what_was_stored_before_is_in_it_too(database_url: str) -> None:
    await migrate(database_url, "newel.inventory", "0004")
    old = await open_database(database_url)
    await write_rows(old)
    await old.close()
    await migrate(database_url, "newel.inventory", REVISION)
    new = await open_database(database_url)
    assert await read_index(new) == expect_index()
    await new.close()


@pytest.mark.attack("P05")
async def test_a_whole_name_is_found_among_more_than_a_page_looks_at(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    long = "http://" + "x" * 600
    await catalogue.take(make_issued("Web.example", "192.0.2.1", common_name="cn").event)
    await catalogue.take(*(make_issued(long + end, common_name="x").event for end in ("/a", "/b")))
    rows = [(number.to_bytes(8), join_names([f"dns:{number}"])) for number in range(10_050)]
    await catalogue.database.apply(*(Write(INSERT, row) for row in rows))
    async with inventory_client(catalogue, ada.der) as http:
        for params, count in (
            ({"name": "web.example"}, 1),
            ({"name": "dns:WEB.example"}, 1),
            ({"name": "192.0.2.1"}, 1),
            ({"name": "ip:web.example"}, 0),
            ({"name": "web.exampl%"}, 0),
            ({"name": f"uri:{long}/a"}, 1),
            ({"name": f"uri:{long}/c"}, 0),
            ({"subject": "cn"}, 1),
            ({"name": "web.example", "state": "revoked"}, 0),
        ):
            page = (await http.get("/inventory/certificates", params=params)).json()
            assert (len(page["certificates"]), page["next"]) == (count, None), params
