"""Many orders at once: of one account, with names in common (RFC 8555 §7.1.6 for each by itself)."""

import asyncio

import pytest
from cryptography import x509

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import Reply

ORDERS = 100


@pytest.mark.attack("A12")
async def test_a_hundred_orders_at_once_with_shared_names_are_a_hundred_certificates(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()

    async def run(number: int) -> tuple[Reply, bytes]:
        names = ["shared.example", f"own-{number}.example"]
        ready = await either.ready(client, *names)
        done = await client.post(ready["finalize"], {"csr": make_csr(*names)})
        return done, (await client.post(done["certificate"])).body

    results = await asyncio.gather(*map(run, range(ORDERS)))
    assert [done["status"] for done, _ in results] == ["valid"] * ORDERS
    leaves = [x509.load_pem_x509_certificates(body)[0] for _, body in results]
    assert len({leaf.serial_number for leaf in leaves}) == ORDERS
    for number, leaf in enumerate(leaves):
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert set(names.get_values_for_type(x509.DNSName)) == {
            "shared.example",
            f"own-{number}.example",
        }
    assert len(either.issuing.requests) == ORDERS
