"""Assembles the part of the issuing authority that issues SSH certificates."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from newel.issuing.completion import Completion, Sign
from newel.issuing.decisions import AuditTrail, Operation
from newel.issuing.faults import Faults
from newel.issuing.issuance import Issuance
from newel.issuing.reconcile import Reconciliation
from newel.issuing.recording import Recorder
from newel.issuing.records import CertificateStore
from newel.issuing.repository import Records
from newel.issuing.retries import Retries
from newel.issuing.revocation import Revocations
from newel.issuing.ssh.admission import SSHAdmission
from newel.issuing.ssh.building import SSHBuilder, assemble_ssh
from newel.issuing.ssh.issuers import SSHIssuer, SSHIssuers
from newel.issuing.ssh.requests import AcceptedSSHRequest, SSHIssueRequest
from newel.runtime.clock import Clock


class SSHParts(NamedTuple):
    """The domain of SSH certificates."""

    issuers: SSHIssuers
    issuance: Issuance[SSHIssueRequest, AcceptedSSHRequest]
    revocations: Revocations
    records: Records
    reconciliation: Reconciliation[SSHIssuer]


def build_ssh(
    issuers: SSHIssuers,
    store: CertificateStore,
    sign: Sign,
    entropy: Callable[[int], bytes],
    clock: Clock,
    trail: AuditTrail,
    faults: Faults,
    *,
    takeover_after: dt.timedelta,
    reconcile_after: dt.timedelta,
) -> SSHParts:
    """Build it. ``store`` is that of SSH certificates, ``sign`` has SSH statements signed."""
    completion = Completion(store, sign, issuers, assemble_ssh, clock, trail, faults)
    issuance = Issuance(
        SSHAdmission(issuers),
        Recorder(SSHBuilder(entropy), store, clock, faults),
        completion,
        Retries(store, completion, clock, takeover_after),
        store,
        clock,
        trail,
        faults,
        Operation.ISSUE_SSH,
    )
    return SSHParts(
        issuers,
        issuance,
        Revocations(store, clock, trail, Operation.REVOKE_SSH),
        Records(store, clock),
        Reconciliation(store, completion, issuers, clock, trail, reconcile_after),
    )
