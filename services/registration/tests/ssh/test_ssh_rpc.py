"""SSH certificates from the issuing authority: single requests travel in batches."""

import asyncio

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.issuing_peer import IssuingPeer
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.registration.issuance import IssuedCertificate, ProvisionerRef
from newel.registration.ssh_issuance import SSHIssueRequest, SSHType
from newel.registration.ssh_rpc import RemoteSSHIssuance
from newel.runtime.clock import ManualClock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.local import LocalChannel, LocalServer


def request_for(kind: SSHType) -> SSHIssueRequest:
    return SSHIssueRequest(
        idempotency_key=kind.encode().ljust(28),
        type=kind,
        public_key=wire_of(keys.generate()),
        key_id="a",
        principals=["a"],
        valid_after=EPOCH,
        valid_before=EPOCH,
        provisioner=ProvisionerRef(),
    )


async def test_a_request_that_fails_a_whole_call_harms_no_other(
    authority: CertificateAuthority,
) -> None:
    peer, server = IssuingPeer(authority=authority, clock=ManualClock(EPOCH)), LocalServer()
    peer.serve(server)
    del peer.ssh_keys["host"]  # the call of a batch with a host in it fails
    issuance = RemoteSSHIssuance(LocalChannel(server, "registration"))
    user, host = await asyncio.gather(
        issuance.issue(request_for("user")),
        issuance.issue(request_for("host")),
        return_exceptions=True,
    )
    assert isinstance(user, IssuedCertificate)
    assert isinstance(host, NewelError)
    assert host.type is ErrorType.SERVER_INTERNAL
