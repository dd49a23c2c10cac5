"""`python tests/bench/krl_bench.py`: what a key revocation list of many SSH certificates costs.

One process with SQLite and a signer, which parses what it signs. Prints the CPU seconds of recording the
revocations, of the list (read from the database, encoded, signed, stored), of a second one after one more
revocation, and of what a host does with it; and the memory after each. A figure is read, never asserted.
"""

import argparse
import asyncio
import dataclasses
import hashlib
import resource
import sys
import tempfile
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.validation import NOW, ValidationHarness, open_harness
from newel.crypto import keys
from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.public_keys import wire_of
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.signer.app import Ports as SignerPorts
from newel.signer.app import build as build_signer
from newel.signer.config import Config as SignerConfig
from newel.validation.app import assemble
from newel.validation.krl.values import SSHRevocation

_KEY = "ssh-user"
_BATCH = 5000


def show(what: str, began: float) -> None:
    """Print the CPU used since, and the most memory that was ever resident."""
    used = time.process_time() - began
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:60} {used:8.3f} s {resident:6} MB", flush=True)


def connect_signer(harness: ValidationHarness, key: keys.PrivateKey) -> ValidationHarness:
    """Put a signer with its policies in the place of the keys in memory."""
    file, password = harness.folder / "ssh.key", harness.folder / "password"
    password.write_bytes(b"of the bench")
    password.chmod(0o600)
    file.write_bytes(keys.encrypt_private_key(key, b"of the bench"))
    rules = {"certificate_type": "user", "max_validity": "25h", "revocation_lists": True}
    store = {"kind": "file", "path": file, "password_file": password}
    config = SignerConfig.model_validate({"keys": [{"name": _KEY, "store": store, "ssh": rules}]})
    server = LocalServer()
    for rpc in build_signer(
        config, SignerPorts(harness.moved, harness.audit, CollectorRegistry())
    ).rpcs:
        server.add(rpc)
    ports = dataclasses.replace(
        harness.ports, signer=LocalChannel(server, "validation"), registry=CollectorRegistry()
    )
    return dataclasses.replace(harness, parts=assemble(harness.config, ports))


def make_revocation(number: int) -> SSHRevocation:
    """A revocation of a serial number of 64 bits that look random."""
    digest = hashlib.sha256(number.to_bytes(8, "big")).digest()
    return SSHRevocation("user", digest[:8], int(NOW.timestamp()) + 86_400)


async def measure(count: int, folder: Path) -> None:
    """Measure everything, one after the other."""
    key = keys.generate()
    harness = await open_harness(folder, f"sqlite:///{folder / 'status.db'}", ssh={"krl_key": _KEY})
    harness = connect_signer(harness, key)
    public = wire_of(key)
    harness.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="user", public_key=public)]
    parts = harness.parts.krl
    await parts.reconciler.learn_issuers()
    began = time.process_time()
    for first in range(0, count, _BATCH):
        await parts.store.record(
            [make_revocation(each) for each in range(first, min(first + _BATCH, count))]
        )
    show(f"{count} revocations recorded", began)
    for what in ("list read, encoded, signed and stored", "the same after one more revocation"):
        began = time.process_time()
        await parts.publisher.publish_due()
        show(what, began)
        await parts.store.record([make_revocation(count)])
    listed = (await harness.get("/ssh/krl")).body
    signature = (await harness.get("/ssh/krl.sig")).body
    began = time.process_time()
    detached.verify(signature, detached.KRL_NAMESPACE, listed, {public})
    found = krl.parse(listed)
    show(f"verified and parsed by a host: {len(listed)} octets, {found.sections} CA", began)
    await harness.close()


def main() -> None:
    """Measure with as many revocations as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(parser.parse_args().count, Path(folder)))


if __name__ == "__main__":
    main()
