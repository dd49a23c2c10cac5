"""An issuing authority that does one call and ends: `issuing_process.py FOLDER DATABASE-URL [STEP]`.

Reads a serialised ``IssueRequest`` from standard input and writes the ``IssueResponse`` to standard
output. With a step it dies there by SIGKILL.
"""

import asyncio
import datetime as dt
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.authority import load_authority
from fixtures.issuing import open_harness
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import SystemClock


async def main(folder: Path, url: str, step: int | None) -> None:
    """One process's life."""
    harness = await open_harness(
        url,
        load_authority(folder),
        clock=SystemClock(),
        fault_step=step,
        takeover_after=dt.timedelta(milliseconds=300),
    )
    response = await harness.issuance.Issue(pb.IssueRequest.FromString(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(response.SerializeToString())
    await harness.database.close()


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
    )
