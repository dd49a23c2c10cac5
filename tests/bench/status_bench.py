"""`python tests/bench/status_bench.py`: what a million revocations cost the validation authority.

One process with SQLite and a signer, which parses all it signs and asks its policy. Prints the CPU seconds
of a complete CRL, read as a whole and after one more revocation, of one of its shards, and of the same list read
by the responder without a database; the CPU microseconds of an OCSP answer, signed and kept; and the
memory after each. A figure is read, never asserted.
"""

import argparse
import asyncio
import dataclasses
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from prometheus_client import CollectorRegistry

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.validation import NOW, ValidationHarness, open_harness, request_for
from newel.crypto import keys
from newel.crypto.crl import crl_entry
from newel.crypto.crl_index import CRLIndex
from newel.crypto.crl_shards import bucket
from newel.runtime.database.contract import Statement, Write
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.signer.app import Ports as SignerPorts
from newel.signer.app import build as build_signer
from newel.signer.config import Config as SignerConfig
from newel.validation.app import assemble
from newel.validation.issuers import load_issuers
from newel.validation.scopes import build_scopes

_INSERT = Statement(
    "INSERT INTO certificate_status (serial, issuer, not_after, revoked_at, reason, entry, change, bucket)"
    " VALUES ($1, $2, $3, $4, 1, $5, 1, $6)"
)
_BATCH = 20_000
_ANSWERS = 3000
_KEPT_ANSWERS = 100_000


def show(what: str, began: float, count: int = 1, unit: float = 1) -> None:
    """Print the CPU used since, for each of ``count``, and the most memory that was ever resident."""
    used = (time.process_time() - began) / count * unit
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:48} {used:10.3f} {'s' if unit == 1 else 'us'} {resident:6} MB")


async def fill(harness: ValidationHarness, count: int) -> None:
    """Record so many revocations, with serial numbers as they are issued: time first, then random."""
    now = int(NOW.timestamp())
    for first in range(0, count, _BATCH):
        rows: list[Write] = []
        for number in range(first, min(first + _BATCH, count)):
            serial = (0x0190_0000_0000 + number).to_bytes(6, "big") + (
                number * 0x9E37_79B9_7F4A_7C15_F39C_C060
            ).to_bytes(16, "big")[-12:]
            entry = crl_entry(int.from_bytes(serial, "big"), now, 1)
            key = serial, harness.ca.id, now + 86_400, now, entry, bucket(serial)
            rows.append(Write(_INSERT, key))
        await harness.database.apply(*rows)
    await harness.revoke(0x7001)


def connect_signer(harness: ValidationHarness) -> ValidationHarness:
    """Put a signer with its policies in the place of the keys in memory."""
    (issuer,) = harness.config.issuers
    names = issuer.crl_key, issuer.responder_key
    files = [harness.folder / f"{name}.key" for name in names]
    password = harness.folder / "password"
    password.write_bytes(b"of the bench")
    password.chmod(0o600)
    for name, file in zip(names, files, strict=True):
        file.write_bytes(keys.encrypt_private_key(harness.signer.keys[name], b"of the bench"))
    stores = [{"kind": "file", "path": file, "password_file": password} for file in files]
    crls = {"name": names[0], "store": stores[0], "certificate": issuer.certificate_file}
    ocsp = {"name": names[1], "store": stores[1], "certificate": issuer.responder_certificate_file}
    rules = {"issuer_certificate": issuer.certificate_file}
    config = SignerConfig.model_validate({"keys": [crls | {"crls": {}}, ocsp | {"ocsp": rules}]})
    ports = SignerPorts(harness.moved, harness.audit, CollectorRegistry())
    server = LocalServer()
    for rpc in build_signer(config, ports).rpcs:
        server.add(rpc)
    ports = dataclasses.replace(
        harness.ports, signer=LocalChannel(server, "validation"), registry=CollectorRegistry()
    )
    return dataclasses.replace(harness, parts=assemble(harness.config, ports))


async def measure(count: int, folder: Path) -> None:
    """Measure everything, one after the other."""
    crl = {"url": "http://crl.example/crl", "shards": (64,), "deltas": True}
    harness = connect_signer(
        await open_harness(folder, f"sqlite:///{folder / 'status.db'}", crl=crl)
    )
    began = time.process_time()
    await harness.parts.changes.poll()
    await fill(harness, count)
    show(f"{count} revocations recorded", began)
    publisher = harness.parts.publisher
    scopes = build_scopes(load_issuers(harness.config.issuers), harness.config.crl)
    for change, what, scope in (
        (2, "complete CRL and delta CRL", scopes[0]),
        (3, "complete CRL after one more revocation", scopes[0]),
        (3, "shard of 64", scopes[1]),
    ):
        began = time.process_time()
        await publisher.publish(scope, change)
        show(what, began)
        await harness.revoke(0x7001 + change)
    der = (await harness.get("/crl")).body
    began = time.process_time()
    index = CRLIndex(x509.load_der_x509_crl(der))
    show(f"index of {len(index)} entries, {len(der)} octets", began)
    await measure_answers(harness)
    await harness.close()


async def measure_answers(harness: ValidationHarness) -> None:
    """Measure OCSP answers: of so many certificates at once, then of one again and again."""
    certificates = [await harness.issue(serial) for serial in range(0x8000, 0x8000 + 64)]
    nonces = [number.to_bytes(32, "big") for number in range(_ANSWERS // 64)]
    asked = [
        [request_for(one, harness.ca, nonce=nonce) for one in certificates] for nonce in nonces
    ]
    began = time.process_time()
    for requests in asked:
        await asyncio.gather(*(harness.post(each) for each in requests))
    show("OCSP answer, read, signed and verified", began, len(nonces) * 64, 1e6)
    request = request_for(certificates[0], harness.ca)
    began = time.process_time()
    await repeat(_KEPT_ANSWERS, lambda: harness.post(request))
    show("OCSP answer, kept", began, _KEPT_ANSWERS, 1e6)


async def repeat(count: int, work: Callable[[], Awaitable[Any]]) -> None:
    """Do something so many times."""
    for _ in range(count):
        await work()


def main() -> None:
    """Measure with as many revocations as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(parser.parse_args().count, Path(folder)))


if __name__ == "__main__":
    main()
