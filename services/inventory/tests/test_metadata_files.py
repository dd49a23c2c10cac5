"""Files of metadata: all of one or nothing, with the lines that are wrong."""

import json
from typing import Any

import httpx
import pytest

from fixtures.catalogue import IssuedCertificate, make_issued
from fixtures.inventory import Catalogue, inventory_client
from newel.inventory import metadata_file
from newel.inventory.lookup import MetadataKey
from newel.inventory.metadata_file import MetadataFileError, read_metadata
from newel.inventory.storage.metadata import MetadataStorage
from newel.runtime.http.roles import Role

CSV = """kind,key,provisioner,owner,team,tags
name,dns:web.example,,ada@example.com,sea,"prod, web"
subject,bob@example.com,people,,land,
"""
WEB = {"owner": "ada@example.com", "team": "sea", "tags": "prod, web"}
IMPORT_REFUSED = ("inventory.import", "refused")
RECORD = '{"kind": "name", "key": "dns:a", "entries": {"owner": "ada"}}'


async def send(
    http: httpx.AsyncClient, content: str | bytes, kind: str = "text/csv", **params: Any
) -> httpx.Response:
    """Import a file."""
    headers = {"Content-Type": kind}
    return await http.post("/inventory/metadata", content=content, headers=headers, params=params)


async def keys_of(http: httpx.AsyncClient, **params: Any) -> list[str]:
    """The keys of a list, page by page."""
    found: list[str] = []
    while True:
        answer = (await http.get("/inventory/metadata", params=params)).raise_for_status().json()
        found += [each["key"] for each in answer["metadata"]]
        if answer["next"] is None:
            return found
        params["cursor"] = answer["next"]


async def test_a_csv_is_imported_and_says_what_it_changed(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        tried = (await send(http, CSV, dry_run="true")).json()
        assert await keys_of(http) == []
        first = (await send(http, CSV)).json()
        again = (await send(http, CSV.replace("sea", "air"))).json()
        web = (await http.get("/inventory/metadata/name/dns:web.example")).json()
        bob = await http.get("/inventory/metadata/subject/bob@example.com?provisioner=people")
    assert tried == {"created": 2, "changed": 0, "unchanged": 0, "dry_run": True}
    assert first == {"created": 2, "changed": 0, "unchanged": 0, "dry_run": False}
    assert again == {"created": 0, "changed": 1, "unchanged": 1, "dry_run": False}
    assert web == WEB | {"team": "air"}
    assert bob.json() == {"team": "land"}, "an empty cell is no entry"
    ((_, _, facts),) = [line for line in catalogue.audit.lines if line[2].get("changed") == 1]
    assert (facts["subject"], facts["unchanged"]) == ("ada@example.com", 1)


async def test_what_a_list_answers_can_be_imported_again(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        await send(http, CSV)
        listed = (await http.get("/inventory/metadata")).json()["metadata"]
        array = await send(http, json.dumps(listed, indent=2), "application/json; charset=utf-8")
        lines = "".join(f"{json.dumps(each)}\n" for each in listed)
        ndjson = await send(http, lines, "application/x-ndjson")
    assert array.json()["unchanged"] == ndjson.json()["unchanged"] == 2


async def test_one_wrong_line_and_nothing_is_written(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    wrong = CSV + "name,web.example,,eve,,\nhost,x,,,,\n"
    async with inventory_client(catalogue, ada.der) as http:
        refused = await send(http, wrong)
        assert await keys_of(http) == []
    assert refused.status_code == 400
    assert refused.json()["detail"] == (
        "Nothing was imported: line 4: the name 'web.example' has no kind; write it as dns:web.example, "
        "or dns, ip, email, uri, principal, permanentIdentifier:…; "
        "line 5: the kind 'host' is unknown; there are subject and name."
    )
    refusals = [
        facts for name, how, facts in catalogue.audit.lines if (name, how) == IMPORT_REFUSED
    ]
    assert [facts["subject"] for facts in refusals] == ["ada@example.com"]
    assert "line 4" in refusals[0]["cause"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file is empty"),
        ("kind;key;owner\n", "line 1: there is no column 'kind'; columns are separated by commas"),
        ("kind,owner\n", "line 1: there is no column 'key'"),
        ("kind,key,provisoner\n", "line 1: the column 'provisoner' is unknown; is it 'provisioner'?"),
        ("kind,key,a,a\n", "line 1: the column 'a' is twice there"),
        ("kind,key,\n", "line 1: a column has no name"),
        ("kind,key,a\nname,dns:a\n", "line 2: it has 2 cells, and the heading 3"),
        ('kind,key,a\nname,dns:a,"x\ny"\nname,b,c\n', "line 4: the name 'b' has no kind"),
        ('kind,key,a\nname,dns:a,"x\n', "line 2: this is no CSV: unexpected end of data"),
        ("kind,key\nname,dns:a\n\nname,dns:a\n", "line 4: 'dns:a' stands in line 2 already"),
        ("kind,key\nname,\n", "line 2: a key has 1 to 1024 characters"),
        ("kind,key\nname,dns:Web.a\nname,dns:web.A\n", "line 3: 'dns:web.a' stands in line 2 already"),
        ("kind,key\nname,ip:x\n", "line 2: 'x' is no IP address"),
        (f"kind,key,a\nname,dns:a,{'x' * 17_000}\n", "line 2: its entries exceed 16384 octets"),
    ],
)  # fmt: skip # texts in rows
def test_a_csv_is_refused_by_its_line(text: str, said: str) -> None:
    with pytest.raises(MetadataFileError) as refused:
        read_metadata(text, is_csv=True)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[{RECORD},\n{RECORD}]", "line 2: 'dns:a' stands in line 1 already"),
        (f"[{RECORD}, {RECORD}]", "line 1: 'dns:a' stands in line 1 already"),
        (f"[\n{RECORD}\n{RECORD}]", "line 3: a comma is missing between two records"),
        (f"[{RECORD}\n", "line 1: the array does not end"),
        (f"[{RECORD}]\n\n{RECORD}", "line 3: there is more after the end of the array"),
        (f"{RECORD}\n\n{{", "line 3: this is no JSON"),
        ("[1]", "line 1: a record is an object of kind, key and entries"),
        ('{"kind": "name", "key": "dns:a"}', "line 1: 'entries' is no object of texts"),
        ('{"kind": "name", "entrys": {}}', "line 1: the member 'entrys' is unknown; is it 'entries'?"),
        ('{"kind": "name", "key": "dns:a", "xyz": {}}', "line 1: the member 'xyz' is unknown; there are kind"),
        ('{"kind": "name", "kind": "name"}', "line 1: this is no JSON: an object has a member twice"),
        ('{"kind": "name", "key": 1, "entries": {}}', "line 1: 'key' is no text"),
        ('{"kind": "name", "key": "dns:a", "entries": {"a": 1}}', "line 1: the entry 'a' is no text"),
        ('{"key": "dns:a", "entries": {}}', "line 1: 'kind' is missing"),
        ('{"kind": "name", "key": "dns:a\\u0000", "entries": {}}', "line 1: a key has 1 to 1024"),
        ("[" * 100_000, "line 1: this is no JSON"),
        ("[" + "9" * 10_000 + "]", "line 1: this is no JSON"),
    ],
)  # fmt: skip # texts in rows
def test_json_is_refused_by_its_line(text: str, said: str) -> None:
    with pytest.raises(MetadataFileError) as refused:
        read_metadata(text, is_csv=False)
    assert str(refused.value).startswith(said)


def test_many_wrong_lines_are_ten_lines_and_a_number() -> None:
    with pytest.raises(MetadataFileError) as refused:
        read_metadata("kind,key\n" + "name,a\n" * 15, is_csv=True)
    assert str(refused.value).count("line ") == 10
    assert str(refused.value).endswith("; and 5 more")


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_file, "MAX_RECORDS", 2)
    lines = "".join(f"name,dns:{number}\n" for number in range(3))
    assert len(read_metadata("kind,key\n" + lines[: -len("name,dns:2\n")], is_csv=True)) == 2
    with pytest.raises(MetadataFileError, match="line 4: a file has 2 records at most"):
        read_metadata("kind,key\n" + lines, is_csv=True)


SPELLINGS = {
    "dns:Web.Example": "dns:web.example",
    "dns:Bücher.example": "dns:xn--bcher-kva.example",
    "ip:2001:DB8:0::1": "ip:2001:db8::1",
    "ip:::ffff:192.0.2.1": "ip:192.0.2.1",
    "email:Ada@Example.com": "email:Ada@example.com",
    "uri:SPIFFE://Trust.Example/Web": "uri:spiffe://trust.example/Web",
    "principal:Ada": "principal:Ada",
    "permanentIdentifier:A-7": "permanentIdentifier:A-7",
    "dns:-odd-": "dns:-odd-",
}


async def test_names_are_kept_as_requests_are_looked_up_by(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    lines = "".join(f"name,{name},ada\n" for name in SPELLINGS)
    async with inventory_client(catalogue, ada.der) as http:
        await send(http, f"kind,key,owner\n{lines}subject,Web.Example,eve\n")
        kept = await keys_of(http)
        path = "/inventory/metadata/name/dns:"
        read = await http.get(f"{path}WEB.example")
        await http.put(f"{path}OTHER.Example", content='{"owner": "bob"}')
        found = await keys_of(http, search="other")
        removed = await http.delete(f"{path}Other.example")
    assert sorted(kept) == sorted([*SPELLINGS.values(), "Web.Example"])
    assert read.json() == {"owner": "ada"}
    assert (found, removed.status_code) == (["dns:other.example"], 204)


async def test_what_an_earlier_version_kept_in_another_spelling_is_read_and_removed(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    old = MetadataKey("name", "dns:Web.Example", "")
    store = MetadataStorage(catalogue.database)
    await store.write(old, {"owner": "ada"}, catalogue.clock.now())
    path = "/inventory/metadata/name/dns:Web.Example"
    async with inventory_client(catalogue, ada.der) as http:
        await http.put(path, content='{"owner": "bob"}')
        first = (await http.get(path)).json()
        assert await keys_of(http) == ["dns:Web.Example", "dns:web.example"]
        removed = [(await http.delete(path)).status_code for _ in range(3)]
    assert first == {"owner": "ada"}
    assert removed == [204, 204, 404]


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"kind,key\n\xff", "text/csv", 400, "line 2: this is no UTF-8"),
        (b"[]", "text/html", 415, "The Content-Type of a file is text/csv or application/json"),
        (b"x" * (8 * 1024 * 1024 + 1), "text/csv", 413, "too large"),
    ],
)
async def test_what_is_no_file_is_refused(
    catalogue: Catalogue, ada: IssuedCertificate, content: bytes, kind: str, status: int, said: str
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        refused = await send(http, content, kind)
    assert refused.status_code == status
    assert said in refused.json()["detail"]


@pytest.mark.attack("P05")
async def test_only_an_administrator_imports(catalogue: Catalogue, ada: IssuedCertificate) -> None:
    async with inventory_client(catalogue, ada.der, Role.OPERATOR) as http:
        assert (await send(http, CSV)).status_code == 403
        assert await keys_of(http) == []


@pytest.mark.attack("P05")
async def test_the_list_is_filtered_and_paged(catalogue: Catalogue, ada: IssuedCertificate) -> None:
    odd = {'x"owner': "ada", "a": '{"owner":"ada"', "b": ',"owner":"ada"', "owner": "a_a"}
    more = [
        {"kind": "name", "key": f"dns:{at}.example", "entries": {"team": "sea", "owner": "Ada"}}
        for at in range(5)
    ]
    strange = {"kind": "name", "key": "dns:strange", "entries": odd}
    async with inventory_client(catalogue, ada.der) as http:
        await send(http, json.dumps([*more, strange]), "application/json")
        await send(http, CSV)
        whole = await keys_of(http)
        assert await keys_of(http, limit=2) == whole == [
            "dns:0.example", "dns:1.example", "dns:2.example", "dns:3.example", "dns:4.example",
            "dns:strange", "dns:web.example", "bob@example.com",
        ]  # fmt: skip # a list in rows
        assert await keys_of(http, attribute="owner=Ada", limit=3) == whole[:5]
        assert await keys_of(http, attribute="owner=a_a") == ["dns:strange"]
        assert await keys_of(http, attribute="owner=%") == []
        assert await keys_of(http, kind="subject") == ["bob@example.com"]
        assert await keys_of(http, provisioner="people") == ["bob@example.com"]
        assert await keys_of(http, search="WEB.") == ["dns:web.example"]
        assert await keys_of(http, search="_") == []
        for query in ("attribute=owner", "cursor=x", "kind=table", "color=red", "limit=0"):
            assert (await http.get(f"/inventory/metadata?{query}")).status_code == 400, query


async def test_an_endpoint_shows_what_is_known_of_it(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    one = make_issued("web.example", proof="host-7")
    await catalogue.take(one.event)
    lines = CSV + "subject,host-7,,eve@example.com,,\n"
    async with inventory_client(catalogue, ada.der) as http:
        path = f"/inventory/endpoints/{await catalogue.endpoint_of(one.serial)}"
        assert (await http.get(path)).json()["metadata"] == {}
        await send(http, lines)
        found = (await http.get(path)).json()["metadata"]
    assert found == WEB | {"owner": "eve@example.com"}, "the subject's entries go over the name's"
