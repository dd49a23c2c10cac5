"""The certificates on a key: found by it, counted with whose they are, also those of an earlier version."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.catalogue import START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue, IssuedRecords, inventory_client
from fixtures.ssh_catalogue import make_ssh
from newel.crypto import keys
from newel.crypto.ssh import certificates, key_quality
from newel.inventory.keys import KeyReader
from newel.inventory.storage.keys import KeyStorage
from newel.proto.issuing.v1 import issuing_pb2, issuing_pb2_grpc
from newel.runtime.errors import NewelError
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.service import RPCService

LEAKED = ec.generate_private_key(ec.SECP256R1()).public_key()
DIGEST = hashlib.sha256(keys.spki(LEAKED)).hexdigest()


class Records(IssuedRecords):
    """The record of certificates, and of one of SSH."""

    def __init__(
        self, issued: list[IssuedCertificate], ssh: IssuedCertificate | None = None
    ) -> None:
        super().__init__(issued)
        self._ssh = ssh

    async def GetSSHCertificate(self, request: Any, context: Any) -> Any:
        own = self._ssh
        found = [
            own.record if own and own.serial == each.serial else None for each in request.lookups
        ]
        return issuing_pb2.GetCertificateResponse(
            records=[each or issuing_pb2.Record() for each in found]
        )


def key_reader(catalogue: Catalogue, records: IssuedRecords | None) -> KeyReader:
    server = LocalServer()
    if records is not None:
        add = issuing_pb2_grpc.add_RepositoryServicer_to_server
        server.add(RPCService("newel.issuing.v1.Repository", add, records, ("inventory",)))
    repository: Any = issuing_pb2_grpc.RepositoryStub(LocalChannel(server, "inventory"))
    return KeyReader(KeyStorage(catalogue.database), repository)


async def test_certificates_are_found_by_their_key_and_what_depends_on_it_is_counted(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    first = make_issued("a.example", key=LEAKED)
    renewed = make_issued("a.example", key=LEAKED, renews=first)
    second = make_issued("b.example", key=LEAKED, provisioner="acme", kind="ACME", proof="acct/7")
    old = make_issued("c.example", key=LEAKED, at=START - dt.timedelta(days=9))
    others = [make_issued("d.example"), make_issued("e.example")]
    await catalogue.take(*(each.event for each in (first, renewed, second, old, *others)))
    async with inventory_client(catalogue, ada.der) as client:
        page = (await client.get(f"/inventory/certificates?key={DIGEST.upper()}")).json()
        assert {each["serial"] for each in page["certificates"]} == {
            each.serial.hex() for each in (first, renewed, second, old)
        }
        assert {each["key"] for each in page["certificates"]} == {DIGEST}
        before = (await client.get(f"/inventory/keys/{DIGEST}")).json()
        assert before["certificates"] == {"active": 3, "expired": 1, "revoked": 0}
        assert before["endpoints"] == 3
        assert [
            (each["subject"], each["provisioner"], each["proof"], each["active"])
            for each in before["owners"]
        ] == [
            ("a.example", "admin", "a.example", 2),
            ("b.example", "acme", "acct/7", 1),
            ("c.example", "admin", "c.example", 0),
        ]
        for each in (first, renewed, second):
            await catalogue.take(revocation_event(each, reason=1))
        after = (await client.get(f"/inventory/keys/{DIGEST}")).json()
        assert after["certificates"] == {"active": 0, "expired": 1, "revoked": 3}
        unknown = (await client.get(f"/inventory/keys/{'0' * 63}1")).json()
        assert unknown["certificates"] == {"active": 0, "expired": 0, "revoked": 0}
        assert unknown["owners"] == []
        for wrong in ("x", "f" * 66):
            assert (await client.get(f"/inventory/keys/{wrong}")).status_code == 400


async def test_the_certificates_of_an_earlier_version_are_found_once_their_keys_were_read(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    issued = [make_issued(f"{number}.example", key=LEAKED) for number in range(70)]
    await catalogue.take(*(each.event for each in issued))
    await catalogue.rows("UPDATE certificates SET key_digest = NULL RETURNING 1")
    gone = issued.pop()
    async with inventory_client(catalogue, ada.der) as client:
        for path in (f"/inventory/certificates?key={DIGEST}", f"/inventory/keys/{DIGEST}"):
            answer = await client.get(path)
            assert answer.status_code == 503, "half a list would be taken for all of it"
            assert "still being read" in answer.text
        with pytest.raises(NewelError):
            await key_reader(catalogue, None).run()
        assert await key_reader(catalogue, Records([*issued, ada])).run() == 71
        found = (await client.get(f"/inventory/keys/{DIGEST}")).json()
        assert found["certificates"]["active"] == 69
        entry = (await client.get(f"/inventory/certificates/{gone.serial.hex()}")).json()
        assert entry["key"] is None, "the issuing authority does not have it"
    assert await key_reader(catalogue, None).run() == 0, "nothing is left to ask for"


async def test_an_ssh_certificate_has_the_digest_that_one_of_x509_on_its_key_would_have(
    catalogue: Catalogue,
) -> None:
    ssh = make_ssh("user", "alice", "alice", serial=7)
    await catalogue.take(ssh.event)
    ((digest,),) = await catalogue.rows("SELECT key_digest FROM certificates")
    wire = certificates.parse(ssh.der).public_key
    assert digest == hashlib.sha256(keys.spki(key_quality.load_key(wire))).digest()
    await catalogue.rows("UPDATE certificates SET key_digest = NULL RETURNING 1")
    assert await key_reader(catalogue, Records([], ssh)).run() == 1
    assert await catalogue.rows("SELECT key_digest FROM certificates") == [(digest,)]
