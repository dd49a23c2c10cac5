"""External account keys (EAB, RFC 8555 §7.3.4), which an operator hands out to let accounts in."""

import base64
import binascii
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.store.files import read_password
from newel.client.acme_accounts import ExternalAccountKey

if TYPE_CHECKING:
    from newel.cli.operations.acme.acme_options import ACMEOptions


def read_binding(options: "ACMEOptions") -> ExternalAccountKey | None:
    """Return the external account key that was given; None without one. Raises UsageError."""
    key_id, key, file = options.eab_key_id, options.eab_key, options.eab_key_file
    if not key_id and not key and not file:
        return None
    if not key_id:
        raise UsageError(
            f"flag '--eab-key{'' if key else '-file'}' requires the '--eab-key-id' flag"
        )
    if not key and not file:
        raise UsageError("flag '--eab-key-id' requires the '--eab-key-file' flag")
    text = (key or read_password(str(file))).strip().rstrip("=")
    try:
        # operators print it in either alphabet
        octets = base64.b64decode(
            text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        octets = b""
    if not octets:
        # the key itself is not repeated: it is a secret
        raise UsageError("the external account key is not base64url")
    return ExternalAccountKey(key_id, octets)
