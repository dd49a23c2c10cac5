"""Renewal information and orders that replace a certificate (RFC 9773)."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from cryptography import x509

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import Reply, ask
from newel.acme.renewal_info import CertificateID
from newel.proto.common.v1 import error_pb2
from newel.registration.replacements import Replacement, Replacements, ReplacementScope


async def issue(harness: ACMEHarness, client: Client, *names: str, **order: Any) -> Reply:
    """Return an order that has its certificate."""
    ready = await harness.ready(client, *names, **order)
    await client.post(ready["finalize"], {"csr": make_csr(*names)})
    return await client.post(ready.header("location"))


async def download(client: Client, order: Reply) -> x509.Certificate:
    return x509.load_pem_x509_certificates((await client.post(order["certificate"])).body)[0]


def identify(leaf: x509.Certificate) -> str:
    key = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return str(CertificateID(key or b"", leaf.serial_number))


async def read_info(client: Client, identifier: str) -> Reply:
    listed = (await ask(client.app, "GET", client.url("directory")))["renewalInfo"]
    return await ask(client.app, "GET", f"{listed}/{identifier}")


def read_window(info: Reply) -> tuple[dt.datetime, dt.datetime]:
    window = info["suggestedWindow"]
    return dt.datetime.fromisoformat(window["start"]), dt.datetime.fromisoformat(window["end"])


async def test_a_certificate_is_best_renewed_between_half_and_two_thirds_of_its_life(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    leaf = await download(client, await issue(harness, client, "a.example"))
    info = await read_info(client, identify(leaf))
    assert info.status == 200
    start, end = read_window(info)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    begun = leaf.not_valid_before_utc
    assert begun + life / 2 - dt.timedelta(seconds=1) < start <= begun + life / 2
    assert start < end <= begun + life * 2 / 3
    assert int(info.header("retry-after")) == 3602  # a day and a minute by 24


async def test_a_revoked_certificate_is_best_renewed_at_once(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    leaf = await download(client, await issue(harness, client, "a.example"))
    (record,) = harness.issuing.records.values()
    record.revoked.active = True
    start, end = read_window(await read_info(client, identify(leaf)))
    assert start < end < harness.clock.now()


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        (ReplacementScope.ALL, True),
        (ReplacementScope.ISSUER, True),
        (ReplacementScope.PROVISIONER, True),
        (ReplacementScope.CERTIFICATE, True),
        (ReplacementScope.NAME, True),
        (ReplacementScope.NAME, False),
        (ReplacementScope.ISSUER, False),
        (ReplacementScope.PROVISIONER, False),
        (ReplacementScope.CERTIFICATE, False),
    ],
)
async def test_a_certificate_that_an_administrator_has_replaced_is_best_renewed_at_once(
    harness: ACMEHarness, scope: ReplacementScope, is_covered: bool
) -> None:
    client = await harness.register_client()
    leaf = await download(client, await issue(harness, client, "a.example"))
    value = {
        ReplacementScope.ALL: "",
        ReplacementScope.ISSUER: harness.issuing.id,
        ReplacementScope.PROVISIONER: "acme",
        ReplacementScope.CERTIFICATE: f"{leaf.serial_number:x}",
        ReplacementScope.NAME: "a.example",
    }[scope]
    harness.clock.advance(dt.timedelta(seconds=1))
    ordered = Replacement(
        "1", scope, value if is_covered else "abc", harness.clock.now(), "https://x/why", "ann"
    )
    replacements = Replacements(harness.database)
    assert await replacements.add(ordered)
    info = await read_info(client, identify(leaf))
    start, end = read_window(info)
    assert start < end
    assert (end < harness.clock.now()) is is_covered
    assert info.json.get("explanationURL", "") == ("https://x/why" if is_covered else "")
    assert await replacements.end("1", harness.clock.now())
    assert read_window(await read_info(client, identify(leaf)))[1] > harness.clock.now()


async def test_the_progress_of_a_replacement_is_counted(either: ACMEHarness) -> None:
    client, other = await either.register_client(), await either.register_client()
    first = await download(client, await issue(either, client, "a.example"))
    await issue(either, client, "a.example")  # the same names again count once
    await issue(either, other, "a.example")
    await issue(either, client, "b.example")
    either.clock.advance(dt.timedelta(seconds=1))
    now, replacements = either.clock.now(), Replacements(either.database)
    everything = Replacement("1", ReplacementScope.ALL, "", now, "", "ann")
    scopes = (
        everything,
        msgspec.structs.replace(everything, scope=ReplacementScope.ISSUER, value=either.issuing.id),
        msgspec.structs.replace(everything, scope=ReplacementScope.PROVISIONER, value="acme"),
    )
    one = msgspec.structs.replace(
        everything, scope=ReplacementScope.CERTIFICATE, value=f"{first.serial_number:x}"
    )
    named = msgspec.structs.replace(everything, scope=ReplacementScope.NAME, value="a.example")
    # no wildcard of a pattern, and no part of a name
    others = [msgspec.structs.replace(named, value=each) for each in ("_.example", "%", ".example")]
    assert [await replacements.count(each, now) for each in (named, *others)] == [
        (2, 0, 0, None),
        *[(0, 0, 0, None)] * 3,
    ]
    nobody = msgspec.structs.replace(scopes[2], value="other")
    assert [await replacements.count(each, now) for each in scopes] == [(3, 0, 0, None)] * 3
    assert await replacements.count(one, now) == (1, 0, 0, None)
    await issue(either, client, "a.example", replaces=identify(first))
    await issue(either, client, "new.example")  # never was part of it
    assert [await replacements.count(each, now) for each in scopes] == [(3, 1, 1, None)] * 3
    assert await replacements.count(one, now) == (1, 1, 1, now)
    assert await replacements.count(named, now) == (2, 1, 1, None)
    assert await replacements.count(nobody, now) == (0, 0, 0, None)
    either.clock.advance(dt.timedelta(minutes=2))
    await issue(either, client, "b.example")
    await issue(either, other, "a.example")
    reached = now + dt.timedelta(minutes=2)
    a_minute_later = reached + dt.timedelta(minutes=1)
    assert await replacements.count(everything, reached) == (3, 3, 2, reached)
    assert await replacements.count(one, reached) == (1, 1, 0, now)
    assert await replacements.count(everything, a_minute_later) == (3, 3, 0, reached)
    later = now + dt.timedelta(days=2)
    assert await replacements.count(everything, later) == (0, 0, 0, None)  # all have expired


@pytest.mark.attack("A20")
async def test_no_other_identifier_is_answered(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    leaf = await download(client, await issue(harness, client, "a.example"))
    key, _, serial = identify(leaf).partition(".")
    for name, status in (
        (str(CertificateID(b"another issuer", leaf.serial_number)), 404),
        (str(CertificateID.parse(f"{key}.AQ")), 404),  # never issued
        (f"{key}=.{serial}", 400),
        (f"{key}.AA{serial}", 400),
        (serial, 400),
    ):
        assert (await read_info(client, name)).status == status, name
    posted = await ask(client.app, "POST", client.url(f"renewal-info/{key}.{serial}"))
    assert (posted.status, posted.header("allow")) == (405, "GET")


async def test_a_replacing_order_continues_the_lineage_and_says_so(either: ACMEHarness) -> None:
    client = await either.register_client()
    old = await download(client, await issue(either, client, "a.example", "b.example"))
    new = await issue(either, client, "b.example", "c.example", replaces=identify(old))
    assert (new["status"], new["replaces"]) == ("valid", identify(old))
    *_, asked = either.issuing.requests
    assert int.from_bytes(asked.replaces) == old.serial_number
    again = await client.order("b.example", replaces=identify(old))
    assert (again.status, again.problem) == (409, "alreadyReplaced")


@pytest.mark.attack("A20")
async def test_of_two_orders_that_replace_a_certificate_one_is_issued(either: ACMEHarness) -> None:
    client = await either.register_client()
    old = identify(await download(client, await issue(either, client, "a.example")))
    ready = [await either.ready(client, "a.example", replaces=old) for _ in range(2)]
    first, second = [
        await client.post(each["finalize"], {"csr": make_csr("a.example")}) for each in ready
    ]
    assert first["status"] == "valid"
    assert (second.status, second.problem) == (409, "alreadyReplaced")
    lost = await client.post(ready[1].header("location"))
    assert (lost["status"], lost["replaces"]) == ("invalid", old)


async def test_an_order_that_failed_leaves_the_certificate_to_be_replaced(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()
    old = identify(await download(client, await issue(either, client, "a.example")))
    ready = await either.ready(client, "a.example", replaces=old)
    either.issuing.refuse = error_pb2.Error(type="rejectedIdentifier", detail="not today")
    await client.post(ready["finalize"], {"csr": make_csr("a.example")})
    either.issuing.refuse = None
    new = await issue(either, client, "a.example", replaces=old)
    assert (new["status"], new["replaces"]) == ("valid", old)


@pytest.mark.attack("A20")
async def test_only_a_certificate_of_the_account_with_one_of_the_names_is_replaced(
    harness: ACMEHarness,
) -> None:
    client, other = await harness.register_client(), await harness.register_client()
    old = identify(await download(client, await issue(harness, client, "a.example")))
    for by, name, replaces, status in (
        (other, "a.example", old, 403),
        (client, "b.example", old, 403),
        (client, "a.example", "AQ.AQ", 404),
        (client, "a.example", "x", 400),
    ):
        assert (await by.order(name, replaces=replaces)).status == status, replaces
    elsewhere = harness.client("other")
    assert (await elsewhere.register()).status == 201
    assert (await elsewhere.order("a.example", replaces=old)).status == 403
    assert (await client.order("a.example", replaces=None)).status == 201


async def test_who_replaced_what_is_forgotten_with_the_order(either: ACMEHarness) -> None:
    client = await either.register_client()
    old = await download(client, await issue(either, client, "a.example"))
    await issue(either, client, "a.example", replaces=identify(old))
    either.clock.advance(dt.timedelta(days=31))
    await either.sweep()
    assert await either.rows("SELECT count(*) FROM acme_successors") == [(0,)]
