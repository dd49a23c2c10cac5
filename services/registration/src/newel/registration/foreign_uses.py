"""First uses of cloud instances that another program recorded: each instance keeps its one use."""

from collections.abc import Sequence
from typing import Any

import msgspec

from newel.registration.provisioners.instances import NEVER, first_use, use_of_digest
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.tally import Tally

_FIND = Statement("SELECT token FROM used_tokens WHERE token = $1")
_ADD = Statement(
    "INSERT INTO used_tokens (token, expires_at) VALUES ($1, $2)"
    " ON CONFLICT (token) DO NOTHING RETURNING token"
)


class ForeignUses:
    """Takes first uses over. With ``dry_run`` it counts them alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, keys: Sequence[bytes], *, dry_run: bool) -> Tally:
        """Store first uses by their keys; those that are there stay as they are."""
        wanted = list(dict.fromkeys(keys))
        new = [key for key in wanted if not await self._database.fetch(_FIND, key)]
        if not dry_run:
            await self._database.decide_all([(Write(_ADD, (key, NEVER)),) for key in new])
        return Tally(len(new), len(keys) - len(new))


class _Google(msgspec.Struct):
    compute_engine: dict[str, Any] | None = None


class _Claims(msgspec.Struct):
    """What tells the tokens of the clouds from others."""

    amazon: dict[str, Any] | None = None
    google: _Google | None = None
    xms_mirid: str | None = None


_claims = msgspec.json.Decoder(_Claims)


def read_first_use(token_id: str, payload: bytes) -> bytes | None:
    """Return the key of the first use that step-ca recorded under an id; None for another use.

    ``payload`` are the claims of the token, of which those of AWS and GCP may be empty. Raises ValueError.
    """
    claims = _claims.decode(payload)
    if claims.xms_mirid:
        return first_use("azure", claims.xms_mirid.lower()).key
    if claims.amazon is None and (claims.google is None or claims.google.compute_engine is None):
        return None
    return use_of_digest(bytes.fromhex(token_id)).key
