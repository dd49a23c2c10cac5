"""`newel certificate key`: the public key in a certificate or request."""

import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.certificates import sources

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateKeyOptions


def run(options: "CertificateKeyOptions") -> None:
    """Print or write the public key in PEM."""
    name = options.positionals(1)[0]
    text = sources.pem(spki(sources.contents(name), name), "PUBLIC KEY")
    out = options.out
    if out is None:
        sys.stdout.write(text)
        return
    from newel.cli.interact.terminal import note
    from newel.cli.store.files import write

    write(out, text.encode(), force=options.force)
    note(f"The public key has been saved in {out}.")


def spki(data: bytes, name: str) -> bytes:
    """Return the SubjectPublicKeyInfo of the first block, which may also be a key itself."""
    found = sources.blocks(data)[:1]
    if not found or found[0].label == "CERTIFICATE":
        try:
            return sources.bundle(found[0].data if found else data, name)[0].spki
        except sources.NoCertificateError:
            pass
    elif found[0].label in sources.REQUESTS:
        request = sources.request(found[0].data)
        if request is not None:
            return request.spki
    from newel.cli.operations.keys.key_files import parse
    from newel.crypto import keys

    key = parse(data, name).key
    if isinstance(key, bytes):
        raise CliError(f"error decoding {name}: not a valid PEM encoded block")
    return keys.spki(key.public_key() if isinstance(key, keys.PrivateKey) else key)
