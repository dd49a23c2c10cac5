"""The lists over HTTPS: for administrators, paged, filtered and exported."""

import csv
import datetime as dt
import io
from typing import Any

import httpx
import pytest

from fixtures.catalogue import START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue
from fixtures.inventory import inventory_client as client

HOUR = dt.timedelta(hours=1)


async def walk(http: httpx.AsyncClient, which: str, **params: Any) -> list[Any]:
    """Every page of a list, by its cursors."""
    found: list[Any] = []
    while True:
        answer = (await http.get(f"/inventory/{which}", params=params)).raise_for_status().json()
        found += answer[which]
        if answer["next"] is None:
            return found
        params["cursor"] = answer["next"]


class TestWhoMayRead:
    async def test_nobody_without_a_certificate(self, catalogue: Catalogue) -> None:
        async with client(catalogue, None) as http:
            answer = await http.get("/inventory/certificates")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:newel:error:unauthorized"
        ((_, outcome, facts),) = catalogue.audit.lines
        assert (outcome, facts["cause"]) == ("refused", "no client certificate")

    @pytest.mark.parametrize(
        "other",
        [
            {"common_name": "bob@example.com"},
            {"common_name": "ada@example.com", "provisioner": "machines"},
            {"common_name": "ADA@example.com"},
            {"common_name": "ada@example.com", "life": HOUR},
        ],
        ids=["another subject", "another provisioner", "another spelling", "expired"],
    )
    @pytest.mark.attack("P05")
    async def test_no_other_certificate_of_this_ca(
        self, catalogue: Catalogue, other: dict[str, Any]
    ) -> None:
        fields: dict[str, Any] = {"provisioner": "people", **other}
        peer = make_issued(**fields)
        await catalogue.take(peer.event)
        catalogue.clock.advance(HOUR + dt.timedelta(seconds=1))
        async with client(catalogue, peer.der) as http:
            answer = await http.get("/inventory/certificates")
        assert answer.status_code == 403
        assert "bob" not in answer.text

    async def test_no_certificate_this_ca_is_not_known_to_have_issued(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        stranger = make_issued(common_name="ada@example.com", provisioner="people")
        forged = ada.der[:-1] + bytes((ada.der[-1] ^ 1,))  # her serial, other octets
        for der in (stranger.der, forged, b"no certificate"):
            async with client(catalogue, der) as http:
                assert (await http.get("/inventory/endpoints")).status_code == 403

    @pytest.mark.parametrize("active", [True, False])
    async def test_no_revoked_administrator(
        self, catalogue: Catalogue, ada: IssuedCertificate, active: bool
    ) -> None:
        await catalogue.take(revocation_event(ada, active=active))
        async with client(catalogue, ada.der) as http:
            assert (await http.get("/inventory/certificates")).status_code == 403

    async def test_an_administrator_and_it_is_written_down(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        async with client(catalogue, ada.der) as http:
            assert (await http.get("/inventory/certificates")).status_code == 200
        assert catalogue.audit.lines[-1][1] == "granted"
        assert catalogue.audit.lines[-1][2]["subject"] == "ada@example.com"

    async def test_every_route_asks(self, catalogue: Catalogue) -> None:
        async with client(catalogue, None) as http:
            for path in (
                "certificates",
                "certificates/export",
                "certificates/00",
                "endpoints",
                "endpoints/c-00",
                "metadata/name/dns:a",
                "metadata",
                "administrator",
                "overview",
                "metering",
                "certificates/00/chain",
                "openapi.json",
            ):
                assert (await http.get(f"/inventory/{path}")).status_code == 401, path
            assert (await http.put("/inventory/metadata/name/a", content="{}")).status_code == 401
            assert (await http.delete("/inventory/metadata/name/a")).status_code == 401
            assert (await http.post("/inventory/metadata", content="[]")).status_code == 401
            assert (await http.get("/inventory/elsewhere")).status_code == 404


class TestLists:
    async def test_one_certificate(self, catalogue: Catalogue, ada: IssuedCertificate) -> None:
        one = make_issued("a.example", "10.0.0.1", at=START + HOUR)
        await catalogue.take(one.event)
        async with client(catalogue, ada.der) as http:
            answer = (await http.get(f"/inventory/certificates/{one.serial.hex()}")).json()
            assert (await http.get("/inventory/certificates/0102")).status_code == 404
            assert (await http.get("/inventory/certificates/xyz")).status_code == 400
        assert answer["subject"] == "a.example"
        assert answer["names"] == ["dns:a.example", "ip:10.0.0.1"]
        assert answer["not_before"] == "2026-11-21T13:00:00Z"
        assert answer["state"] == "active"
        assert answer["provisioner_type"] == "JWK"

    async def test_an_endpoint_shows_its_lineage(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        first = make_issued("a.example")
        second = make_issued("a.example", renews=first, at=START + HOUR)
        await catalogue.take(first.event, second.event, revocation_event(first))
        async with client(catalogue, ada.der) as http:
            (endpoint,) = await walk(http, "endpoints", name="a.example")
            answer = (await http.get(f"/inventory/endpoints/{endpoint['id']}")).json()
            assert (await http.get("/inventory/endpoints/c-99")).status_code == 404
        lineage = [(each["serial"], each["state"]) for each in answer["certificates"]]
        assert lineage == [(second.serial.hex(), "active"), (first.serial.hex(), "revoked")]
        assert answer["certificates"][0]["renewed_from"] == first.serial.hex()

    @pytest.mark.parametrize("sort", ["issued", "-issued", "expires", "-expires"])
    @pytest.mark.parametrize("name", ["certificates", "endpoints"])
    async def test_pages_hold_everything_once_in_order(
        self, catalogue: Catalogue, ada: IssuedCertificate, sort: str, name: str
    ) -> None:
        lives = [HOUR * (hours % 5 + 1) for hours in range(17)]  # ties in the sort column
        line = [make_issued(f"host-{at}.example", life=life) for at, life in enumerate(lives)]
        await catalogue.take(*(each.event for each in line))
        async with client(catalogue, ada.der) as http:
            found = await walk(http, name, sort=sort, limit=4)
        assert len(found) == len({str(each) for each in found}) == 18
        if sort.endswith("expires"):
            ends = [each["not_after"] for each in found]
            assert ends == sorted(ends, reverse=sort.startswith("-"))

    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"state": "active"}, "abd"),
            ({"state": "expired"}, "c"),
            ({"state": "revoked"}, "e"),
            ({"name": "B.example"}, "b"),
            ({"name": "dns:b.example"}, "b"),
            ({"name": "ip:b.example"}, ""),
            ({"name": "10.0.0.1"}, "d"),
            ({"subject": "a.example"}, "a"),
            ({"search": "EXAMPLE", "provisioner": "other"}, "d"),
            ({"provisioner_type": "JWK", "search": "c.ex"}, "c"),
            ({"expires_before": "2026-11-21T13:30:00Z"}, "c"),
            ({"expires_after": "2026-11-21T13:30:00+00:00", "sort": "expires"}, "abde"),
            ({"issued_before": "2026-11-21T12:00:01Z"}, "abcde"),
            ({"issued_after": "2026-11-21T12:00:01Z"}, ""),
            ({"issuer": "elsewhere"}, ""),
        ],
    )
    async def test_filters(
        self, catalogue: Catalogue, ada: IssuedCertificate, params: dict[str, str], expected: str
    ) -> None:
        by_letter = {
            "a": make_issued("a.example"),
            "b": make_issued("b.example"),
            "c": make_issued("c.example", life=HOUR),
            "d": make_issued("d.example", "10.0.0.1", provisioner="other"),
            "e": make_issued("e.example"),
        }
        await catalogue.take(
            *(each.event for each in by_letter.values()), revocation_event(by_letter["e"])
        )
        catalogue.clock.advance(2 * HOUR)
        async with client(catalogue, ada.der) as http:
            found = await walk(http, "certificates", limit=2, **params)
        letters = {each["subject"][0] for each in found if each["subject"] != "ada@example.com"}
        assert "".join(sorted(letters)) == expected

    @pytest.mark.attack("P05")
    @pytest.mark.parametrize("text", ["%", "_", "a%e", r"\%", "a.exampl_", '"', "'", "]"])
    async def test_wildcards_and_quotes_are_only_characters(
        self, catalogue: Catalogue, ada: IssuedCertificate, text: str
    ) -> None:
        literal = make_issued("a.example", common_name=f"odd {text} odd")
        await catalogue.take(
            make_issued("a.example").event, make_issued("b.example").event, literal.event
        )
        async with client(catalogue, ada.der) as http:
            for params in ({"search": text}, {"name": text}, {"subject": text}):
                found = await walk(http, "certificates", **params)
                expected = [literal.serial.hex()] if "search" in params else []
                assert [each["serial"] for each in found] == expected, params

    @pytest.mark.parametrize(
        "params",
        [
            {"sort": "serial; DROP TABLE certificates"},
            {"sort": "position"},
            {"limit": "0"},
            {"limit": "1001"},
            {"limit": "-1"},
            {"limit": "9" * 5000},
            {"position": "1"},
            {"1=1; --": "x"},
            {"state": "any"},
            {"serial": "0x"},
            {"expires_before": "tomorrow"},
            {"expires_before": "2026-11-21T12:00:00"},
            {"search": ""},
            {"search": "a" * 1025},
            {"search": "a\0b"},
            {"cursor": "!"},
            {"cursor": "bm90IGpzb24"},
            {"cursor": "9" * 5000},
        ],
    )
    async def test_what_is_not_listed_is_refused(
        self, catalogue: Catalogue, ada: IssuedCertificate, params: dict[str, str]
    ) -> None:
        async with client(catalogue, ada.der) as http:
            answer = await http.get("/inventory/certificates", params=params)
        assert answer.status_code == 400, answer.text
        assert answer.json()["type"] == "urn:newel:error:malformed"

    async def test_an_unknown_parameter_is_answered_with_those_there_are(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        async with client(catalogue, ada.der) as http:
            answer = await http.get("/inventory/certificates", params={"colour": "red"})
        assert answer.status_code == 400
        detail = answer.json()["detail"]
        assert detail.startswith("The parameter 'colour' is unknown; there are ")
        names = detail.removesuffix(".").partition(" are ")[2].split(", ")
        assert {"state", "name", "sort", "limit"} <= set(names)

    async def test_a_cursor_fits_only_its_question(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        await catalogue.take(*(make_issued("a.example").event for _ in range(3)))
        async with client(catalogue, ada.der) as http:
            first = await http.get("/inventory/certificates", params={"limit": 1})
            cursor = first.json()["next"]
            again = await http.get("/inventory/certificates", params={"cursor": cursor})
            other = {"cursor": cursor, "subject": "a.example"}
            refused = await http.get("/inventory/certificates", params=other)
            twice = await http.get("/inventory/certificates?limit=1&limit=2")
        assert f"cursor={cursor}" in first.headers["link"]
        assert len(again.json()["certificates"]) == 3
        assert refused.status_code == 400
        assert twice.status_code == 400


async def test_the_interface_describes_itself(catalogue: Catalogue, ada: IssuedCertificate) -> None:
    async with client(catalogue, ada.der) as http:
        document = (await http.get("/inventory/openapi.json")).raise_for_status().json()
    lists = document["paths"]["/inventory/certificates"]["get"]
    parameters = {each["name"]: each["schema"] for each in lists["parameters"]}
    assert {"state", "serial", "expires_before", "sort", "limit", "cursor"} <= set(parameters)
    assert parameters["limit"]["default"] == 100
    schemas = document["components"]["schemas"]
    assert schemas["CertificateState"]["enum"] == ["active", "expired", "revoked"]
    assert schemas["CertificateDocument"]["properties"]["not_after"]["format"] == "date-time"
    page = lists["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert page.endswith("/CertificatePage")


class TestExport:
    async def test_csv_has_every_row_and_no_formula(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        names = ["=cmd|' /C calc'!A0", "+1", "-1", "@sum", "\ttab", 'quote", "x', "plain"]
        await catalogue.take(*(make_issued(common_name=name).event for name in names))
        async with client(catalogue, ada.der) as http:
            answer = await http.get("/inventory/certificates/export")
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(rows) == 8
        subjects = {row["subject"] for row in rows}
        assert not any(subject.startswith(("=", "+", "-", "@", "\t")) for subject in subjects)
        assert {"'=cmd|' /C calc'!A0", 'quote", "x', "plain"} <= subjects
        assert rows[0]["not_after"] == "2026-11-22T12:00:00Z"

    async def test_ndjson_goes_through_every_page(
        self, catalogue: Catalogue, ada: IssuedCertificate
    ) -> None:
        line = [make_issued(f"host-{number}.example") for number in range(1100)]
        await catalogue.take(*(each.event for each in line))
        async with client(catalogue, ada.der) as http:
            params = {"format": "ndjson", "search": "host-"}
            answer = await http.get("/inventory/certificates/export", params=params)
            bad = await http.get("/inventory/certificates/export", params={"format": "xml"})
        lines = answer.text.splitlines()
        assert len(set(lines)) == len(lines) == 1100
        assert bad.status_code == 400


class TestMetadata:
    async def test_put_show_and_remove(self, catalogue: Catalogue, ada: IssuedCertificate) -> None:
        path = "/inventory/metadata/name/uri:spiffe://a/b"
        async with client(catalogue, ada.der) as http:
            assert (await http.get(path)).status_code == 404
            assert (await http.put(path, json={"team": "sea"})).status_code == 204
            assert (await http.get(path)).json() == {"team": "sea"}
            other = await http.get(path, params={"provisioner": "other"})
            assert other.status_code == 404
            assert (await http.delete(path)).status_code == 204
            assert (await http.delete(path)).status_code == 404

    @pytest.mark.parametrize(
        ("kind", "body", "status"),
        [
            ("name", b"[]", 400),
            ("name", b'{"a": 1}', 400),
            ("name", b"{", 400),
            ("name", b'{"a": "' + b"x" * 20_000 + b'"}', 413),
            ("table", b"{}", 400),
        ],
    )
    async def test_only_small_objects_of_strings(
        self, catalogue: Catalogue, ada: IssuedCertificate, kind: str, body: bytes, status: int
    ) -> None:
        async with client(catalogue, ada.der) as http:
            answer = await http.put(f"/inventory/metadata/{kind}/dns:a", content=body)
        assert answer.status_code == status
