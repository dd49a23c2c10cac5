"""The server's own certificate: from the issuing authority, renewed and shown while running."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority
from fixtures.registration import RegistrationHarness, open_registration
from newel.crypto import keys
from newel.runtime.clock import ManualClock, SystemClock
from newel.runtime.http.listener import Listener, bind


async def presented_certificate(
    port: int, ra: RegistrationHarness, name: str = "ca.example"
) -> x509.Certificate:
    """The certificate a client sees that trusts nothing but the root."""
    root = ra.issuing.authority.root.public_bytes(Encoding.PEM).decode()
    context = ssl.create_default_context(cadata=root)
    # the certificates of this test live in the authority's time, not in ours
    context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der)


@pytest.mark.parametrize("name", ["ca.example", "127.0.0.1"])
async def test_clients_verify_it_under_every_name_and_see_the_next_one(
    ra: RegistrationHarness, name: str
) -> None:
    listener = Listener(ra.service.web["https"], bind("127.0.0.1:0"), ra.tls)
    serving = asyncio.get_running_loop().create_task(listener.listen())
    while not listener.started:
        await asyncio.sleep(0.01)
    first = await presented_certificate(listener.address[1], ra, name)
    assert first.subject.rfc4514_string() == "CN=Step Online CA"
    assert first.not_valid_after_utc - ra.clock.now() == dt.timedelta(hours=24)
    await run_renewal_task(ra)
    assert await presented_certificate(listener.address[1], ra, name) == first
    ra.clock.advance(dt.timedelta(hours=16, seconds=1))
    await run_renewal_task(ra)
    second = await presented_certificate(listener.address[1], ra, name)
    assert second.serial_number != first.serial_number
    assert second.public_key() != first.public_key()
    listener.stop()
    await serving


async def test_a_client_certificate_is_optional_and_reaches_the_handler(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    now = ManualClock(SystemClock().now())  # TLS itself looks at the machine's clock
    ra = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority, clock=now)
    listener = Listener(ra.service.web["https"], bind("127.0.0.1:0"), ra.tls)
    serving = asyncio.get_running_loop().create_task(listener.listen())
    certificate, key = await ra.certificate("foo.internal")
    chain, private = tmp_path / "leaf.crt", tmp_path / "leaf.key"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(keys.plain_private_key(key))
    context = ssl.create_default_context(cafile=str(authority.root_file))
    url = f"https://127.0.0.1:{listener.address[1]}/renew"
    async with httpx.AsyncClient(verify=context) as client:
        assert (await client.post(url)).status_code == 400
    context.load_cert_chain(chain, private)
    async with httpx.AsyncClient(verify=context) as client:
        assert (await client.post(url)).status_code == 201
    listener.stop()
    await serving
    await ra.database.close()


async def test_a_failed_renewal_is_tried_again(ra: RegistrationHarness) -> None:
    before = len(ra.issuing.issued)
    ra.clock.advance(dt.timedelta(hours=17))
    ra.issuing.down = True
    await run_renewal_task(ra)
    ra.issuing.down = False
    await run_renewal_task(ra)
    assert len(ra.issuing.issued) == before + 1


async def test_one_made_while_the_clock_ran_ahead_is_replaced_at_once(
    ra: RegistrationHarness,
) -> None:
    ra.clock.advance(dt.timedelta(hours=17))
    await run_renewal_task(ra)
    ra.clock.advance(-dt.timedelta(hours=17))
    before = len(ra.issuing.issued)
    await run_renewal_task(ra)
    await run_renewal_task(ra)
    assert len(ra.issuing.issued) == before + 1


async def run_renewal_task(ra: RegistrationHarness) -> None:
    """One round of the task that keeps the certificate."""
    task: Any = asyncio.get_running_loop().create_task(_run(ra))
    await asyncio.sleep(0.05)
    task.cancel()


async def _run(ra: RegistrationHarness) -> None:
    await ra.service.tasks["server-certificate"]()
