"""A token serves once: at the same time, on replicas, after crashes and refusals."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.registration import (
    CA,
    GENERAL_401,
    JwkKey,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.crypto import keys
from newel.jose import jws
from newel.registration.storage import TAKEOVER_AFTER
from newel.runtime.clock import ManualClock


@pytest.mark.attack("T01")
async def test_t01_fifty_at_once_one_succeeds(each_ra: RegistrationHarness) -> None:
    token, csr = each_ra.admin.token("foo.internal"), request_for("foo.internal")
    answers = await asyncio.gather(*[each_ra.sign(token, csr) for _ in range(50)])
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 49
    assert len(each_ra.issuing.issued) == 2  # the server's own and this one


@pytest.mark.attack("T01")
async def test_t01_another_replica_and_a_restart_remember(
    authority: CertificateAuthority, database_url: str
) -> None:
    admin = JwkKey("admin", keys.generate())
    first = await open_registration(database_url, authority, admin=admin)
    second = await open_registration(database_url, authority, admin=admin, clock=first.clock)
    token, csr = admin.token("foo.internal"), request_for("foo.internal")
    assert (await first.sign(token, csr)).status_code == 201
    assert (await second.sign(token, csr)).json() == GENERAL_401
    for ra in (first, second):
        await finish_uses(ra)
        await ra.database.close()
    third = await open_registration(database_url, authority, admin=admin)
    third.clock.advance(dt.timedelta(minutes=5))
    assert (await third.sign(token, csr)).status_code == 401
    await third.database.close()


async def test_api_16_the_same_id_in_another_token_is_refused(ra: RegistrationHarness) -> None:
    def same(audience: str) -> str:
        head = {"alg": "ES256", "kid": ra.admin.kid}
        claims = {"iss": "admin", "sub": "foo.internal", "aud": audience, "jti": "1"}
        claims |= {"exp": int(EPOCH.timestamp()) + len(audience)}
        header, payload = json.dumps(head).encode(), json.dumps(claims).encode()
        return jws.sign_compact(header, payload, ra.admin.key)

    csr = request_for()
    assert (await ra.sign(same(f"{CA}/1.0/sign"), csr)).status_code == 201
    assert (await ra.sign(same(f"{CA}/sign"), csr)).json() == GENERAL_401


async def test_the_token_is_used_up_only_by_what_was_verified(ra: RegistrationHarness) -> None:
    token = ra.admin.token("foo.internal")
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-6]}AAAAAA"
    assert (await ra.sign(forged, request_for("foo.internal"))).status_code == 401
    assert (await ra.sign(token, request_for("other.internal"))).status_code == 403
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 201


async def test_a_lost_issuing_authority_leaves_the_token_to_the_same_request(
    ra: RegistrationHarness,
) -> None:
    token, csr = ra.admin.token("foo.internal"), request_for("foo.internal")
    ra.issuing.down = True
    assert (await ra.sign(token, csr)).status_code == 503
    ra.issuing.down = False
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 401
    assert (await ra.sign(token, csr)).status_code == 201
    assert (await ra.sign(token, csr)).status_code == 401


async def finish_uses(ra: RegistrationHarness) -> None:
    """Ends of uses are written down, as they are when the process stops in order."""
    for hook in ra.service.stop:
        await hook()


async def test_a_crash_between_claim_and_answer_is_made_good_with_the_same_certificate(
    ra: RegistrationHarness,
) -> None:
    token, csr = ra.admin.token("foo.internal"), request_for("foo.internal")
    first = await ra.sign(token, csr)  # nothing writes ends down here: as if the process died
    assert (await ra.sign(token, csr)).status_code == 401
    ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 401
    again = await ra.sign(token, csr)
    assert again.json()["crt"] == first.json()["crt"]
    await finish_uses(ra)
    ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    assert (await ra.sign(token, csr)).status_code == 401


async def test_a_refusal_of_the_issuing_authority_ends_the_token(ra: RegistrationHarness) -> None:
    from newel.proto.common.v1 import error_pb2

    token, csr = ra.admin.token("foo.internal"), request_for("foo.internal")
    ra.issuing.refuse = error_pb2.Error(type="badPublicKey", detail="this key is blocked")
    answer = await ra.sign(token, csr)
    assert read_message(answer) == "The request could not be completed: this key is blocked."
    ra.issuing.refuse = None
    await finish_uses(ra)
    ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    assert (await ra.sign(token, csr)).status_code == 401


@pytest.mark.attack("T05")
async def test_t05_replicas_an_hour_apart_do_not_use_a_token_twice(
    authority: CertificateAuthority, database_url: str
) -> None:
    admin = JwkKey("admin", keys.generate())
    late = await open_registration(database_url, authority, admin=admin)
    early = await open_registration(
        database_url, authority, admin=admin, clock=ManualClock(EPOCH + dt.timedelta(hours=1))
    )
    token, csr = admin.token("foo.internal"), request_for("foo.internal")
    assert (await late.sign(token, csr)).status_code == 201
    assert (await early.sign(token, csr)).status_code == 401
    for ra in (early, late):
        task = asyncio.get_running_loop().create_task(_once(ra, "used-tokens"))
        await asyncio.sleep(0.1)
        task.cancel()
    assert (await late.sign(token, csr)).status_code == 401
    for ra in (late, early):
        await ra.database.close()


async def _once(ra: RegistrationHarness, task: str) -> None:
    await ra.service.tasks[task]()


@pytest.mark.attack("T06")
async def test_t06_ids_of_tokens_do_not_collide_across_provisioners(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    admin, other = JwkKey("admin", keys.generate()), JwkKey("other", keys.generate())
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        provisioners=(admin.record(), other.record()),
    )

    def token(own: JwkKey, jti: str | None) -> str:
        head = {"alg": "ES256", "kid": own.kid}
        claims = {"iss": own.name, "sub": "foo.internal", "aud": f"{CA}/sign"}
        claims |= {"exp": int(EPOCH.timestamp()) + 300} | ({"jti": jti} if jti else {})
        return jws.sign_compact(json.dumps(head).encode(), json.dumps(claims).encode(), own.key)

    csr = request_for("foo.internal")
    assert (await ra.sign(token(other, "victims"), csr)).status_code == 201
    assert (await ra.sign(token(admin, "victims"), csr)).status_code == 201
    nameless = token(admin, None)
    resigned = token(admin, None)  # another signature over the same content
    assert nameless != resigned
    assert (await ra.sign(nameless, csr)).status_code == 201
    assert (await ra.sign(nameless, csr)).status_code == 401
    assert (await ra.sign(resigned, csr)).status_code == 401
    await ra.database.close()
