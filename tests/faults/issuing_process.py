"""An issuing authority that does one call and ends: `issuing_process.py FOLDER DATABASE-URL KIND [STEP]`.

Reads a serialised ``IssueRequest``, of the kind ``ssh`` an ``IssueSSHRequest``, from standard input and
writes the ``IssueResponse`` to standard output. With a step it dies there by SIGKILL.
"""

import asyncio
import datetime as dt
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.authority import PeerSigner, load_authority
from fixtures.issuing import open_harness
from newel.issuing.config import SSHIssuerConfig
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import SystemClock


async def main(folder: Path, url: str, kind: str, step: int | None) -> None:
    """One process's life."""
    authority = load_authority(folder)
    signer = PeerSigner(authority)
    signer.ssh_keys["ssh-user"] = authority.key  # the same in every process
    harness = await open_harness(
        url,
        authority,
        signer=signer,
        ssh_issuers=(SSHIssuerConfig(key="ssh-user", type="user"),),
        clock=SystemClock(),
        fault_step=step,
        takeover_after=dt.timedelta(milliseconds=300),
    )
    octets = sys.stdin.buffer.read()
    if kind == "ssh":
        response = await harness.issuance.IssueSSH(pb.IssueSSHRequest.FromString(octets))
    else:
        response = await harness.issuance.Issue(pb.IssueRequest.FromString(octets))
    sys.stdout.buffer.write(response.SerializeToString())
    await harness.database.close()


if __name__ == "__main__":
    folder, url, kind, *step = sys.argv[1:]
    asyncio.run(main(Path(folder), url, kind, int(step[0]) if step else None))
