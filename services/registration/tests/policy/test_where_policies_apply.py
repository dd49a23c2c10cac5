"""Name policies and name constraints on ``/sign``, ``/rekey`` and ``/renew``."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority, make_authority
from fixtures.registration import (
    JwkKey,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.crypto import der, extensions, keys
from newel.registration.app import reconfigure
from newel.registration.config import Config

FORBIDDEN = "The request was forbidden by the certificate authority: "
ADMIN = JwkKey("admin", keys.generate())
LAB = {"x509": {"allow": {"dns": ["*.lab"]}}}


async def open_with(
    folder: Path, authority: CertificateAuthority | None = None, **settings: Any
) -> RegistrationHarness:
    found = authority or make_authority(folder)
    return await open_registration(f"sqlite:///{folder}/ra.db", found, admin=ADMIN, **settings)


async def sign(ra: RegistrationHarness, *names: str) -> Any:
    token = ADMIN.token(names[0], ra.clock.now(), sans=list(names))
    return await ra.sign(token, request_for(*names))


async def test_the_authoritys_policy_refuses_with_step_cas_text(tmp_path: Path) -> None:
    ra = await open_with(tmp_path, policy=LAB)
    assert (await sign(ra, "a.lab")).status_code == 201
    answer = await sign(ra, "a.lab", "a.other")
    assert (answer.status_code, read_message(answer)) == (
        403,
        FORBIDDEN + 'dns name "a.other" not allowed',
    )
    assert len(ra.issuing.issued) == 2  # this server's own certificate and one more
    await ra.database.close()


async def test_a_provisioner_has_a_policy_of_its_own_that_is_not_listed(tmp_path: Path) -> None:
    denied = {"x509": {"deny": {"dns": ["bad.lab"]}}}
    ra = await open_with(tmp_path, policy=LAB, provisioners=(ADMIN.record(policy=denied),))
    assert (await sign(ra, "a.lab")).status_code == 201
    for name in ("bad.lab", "a.other"):
        assert read_message(await sign(ra, name)) == FORBIDDEN + f'dns name "{name}" not allowed'
    (listed,) = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert "policy" not in listed
    await ra.database.close()


async def test_a_refused_token_can_be_used_once_the_policy_allows_its_names(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    ra = await open_with(tmp_path, authority, policy=LAB)
    token = ADMIN.token("a.other", ra.clock.now())
    assert (await ra.sign(token, request_for("a.other"))).status_code == 403
    await ra.database.close()
    ra = await open_with(tmp_path, authority)
    assert (await ra.sign(token, request_for("a.other"))).status_code == 201
    await ra.database.close()


async def test_the_names_of_the_template_are_checked_not_those_of_the_request(
    tmp_path: Path,
) -> None:
    template = (
        '{"subject": {"commonName": "x.other"}, "sans": [{"type": "dns", "value": "x.other"}]}'
    )
    record = ADMIN.record(options={"x509": {"template": template}})
    ra = await open_with(tmp_path, policy=LAB, provisioners=(record,))
    assert read_message(await sign(ra, "a.lab")) == FORBIDDEN + 'dns name "x.other" not allowed'
    await ra.database.close()


@pytest.mark.attack("T16")
@pytest.mark.parametrize("path", ["/renew", "/rekey"])
async def test_renewals_are_held_to_the_policy_of_today_unless_a_setting_says_otherwise(
    tmp_path: Path, path: str
) -> None:
    authority = make_authority(tmp_path)
    ra = await open_with(tmp_path, authority)
    certificate, _ = await ra.certificate("a.other")
    body = {"csr": request_for()} if path == "/rekey" else b""
    shown = certificate.public_bytes(Encoding.DER)
    await ra.database.close()
    for settings, status in (
        ({"policy": LAB}, 403),
        ({"provisioners": (ADMIN.record(policy=LAB),)}, 403),
        ({"policy": LAB, "policy_on_renewal": False}, 201),
        ({"policy": {"x509": {"allow": {"dns": ["*.other"]}}}}, 201),
    ):
        now = await open_with(tmp_path, authority, issuing=ra.issuing, clock=ra.clock, **settings)
        answer = await now.call("POST", path, body, certificate=shown)
        assert answer.status_code == status, answer.text
        if status == 403:
            assert read_message(answer) == FORBIDDEN + 'dns name "a.other" not allowed'
        await now.database.close()
        ra.clock.advance(dt.timedelta(seconds=1))


async def test_names_outside_the_issuers_constraints_never_reach_the_issuing_authority(
    tmp_path: Path,
) -> None:
    constraints = extensions.name_constraints([der.tlv(0x82, b"lab"), der.tlv(0x82, b"ca.example"),
                                               der.tlv(0x87, bytes(8))])  # fmt: skip # one list
    authority = make_authority(tmp_path, constraints=constraints)
    ra = await open_with(tmp_path, authority)
    before = len(ra.issuing.issued)
    certificate, _ = await ra.certificate("a.lab")
    answer = await sign(ra, "a.other")
    assert (answer.status_code, read_message(answer)) == (
        403,
        'DNS name "a.other" is not permitted by any constraint',
    )
    assert len(ra.issuing.issued) == before + 1
    shown = certificate.public_bytes(Encoding.DER)
    assert (await ra.call("POST", "/renew", certificate=shown)).status_code == 201
    await ra.database.close()


async def test_a_constraint_that_cannot_be_read_is_refused_at_start_with_its_path() -> None:
    for policy, path in (
        ({"x509": {"allow": {"dns": ["a.lab", "*.*.lab"]}}}, r"policy\.x509\.allow\.dns\[1\]: "),
        ({"x509": {"deny": {"ip": ["10.0.0.0/33"]}}}, r"policy\.x509\.deny\.ip\[0\]: "),
        ({"x509": {"deny": {"dnss": ["a.lab"]}}}, r"policy\.x509\.deny\.dnss: .* 'dns'"),
        ({"x509": {"deny": {"dns": "a.lab"}}}, r"policy\.x509\.deny\.dns: it is not a list"),
        ({"ssh": {"user": {"allow": {"email": ["*"]}}}}, r"policy\.ssh\.user\.allow\.email\[0\]: "),
    ):
        with pytest.raises(ValueError, match=path):
            Config(policy=policy)
        with pytest.raises(ValueError, match=r"provisioners\[0\]\." + path):
            Config(provisioners=(ADMIN.record(policy=policy),))


async def test_a_changed_policy_is_applied_by_a_process_that_runs(tmp_path: Path) -> None:
    ra = await open_with(tmp_path, policy=LAB)
    assert (await sign(ra, "a.other")).status_code == 403
    denied = {"x509": {"Deny": {"dns": ["a.lab"]}}}  # members are read in any case
    changed = Config(provisioners=(ADMIN.record(),), policy=denied)
    await reconfigure(changed, ra.database, ra.clock)
    unknown = JwkKey("unknown", keys.generate()).token("a.lab", ra.clock.now())
    await ra.sign(unknown, request_for("a.lab"))  # lets this process look at the database
    assert (await sign(ra, "a.other")).status_code == 201
    assert (await sign(ra, "a.lab")).status_code == 403
    await reconfigure(Config(provisioners=(ADMIN.record(),)), ra.database, ra.clock)
    await ra.sign(unknown, request_for("a.lab"))
    assert (await sign(ra, "a.lab")).status_code == 201
    await ra.database.close()
