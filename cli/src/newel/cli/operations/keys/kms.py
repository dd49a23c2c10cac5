"""Keys in a key management service or a token, named by URI and used through `step-kms-plugin`.

That program is a process of its own, so that no driver is loaded into this one. It is asked for the public
key (``key``), for signatures (``sign``, the digest on stdin) and for certificates.
"""

import os
from typing import TYPE_CHECKING

from newel.cli.errors import CliError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

SCHEMES = {
    "awskms", "azurekms", "capi", "cloudkms", "kms", "mackms", "pkcs11", "softkms",
    "sshagentkms", "tpmkms", "yubikey",
}  # fmt: skip # words in rows
SECONDS = 120
"""A token may wait for a finger."""
MISSING = (
    "the program step-kms-plugin, which uses such keys, is neither in the plugins of 'newel path --base' "
    "nor on PATH: https://github.com/smallstep/step-kms-plugin, or newel-kms-plugin for pkcs11:"
)


def is_uri(name: str) -> bool:
    """Say whether a word names a key in a service; a file of that name goes first."""
    scheme, colon, _ = name.partition(":")
    return bool(colon) and scheme.lower() in SCHEMES and not os.path.exists(name)  # noqa: PTH110 - a name


def signature(
    service: str | None,
    name: str,
    data: bytes,
    digest: "HashAlgorithm | None",
    padding: "AsymmetricPadding | None",
) -> bytes:
    """Return a signature by the plugin, which sees the digest or, for Ed25519, the data."""
    import base64
    import binascii

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PSS

    options: list[str] = []
    if digest is not None:
        hasher = hashes.Hash(digest)
        hasher.update(data)
        data = hasher.finalize()
        if isinstance(padding, PSS):
            options += ["--pss", "--salt-length", str(digest.digest_size)]
        if padding is not None:
            options += ["--alg", digest.name.upper()]
    answer = run_plugin("sign", service, name, "--format", "base64", *options, data=data)
    try:
        return base64.b64decode(answer.strip(), validate=True)
    except binascii.Error:
        raise CliError(f"step-kms-plugin answered without a signature by {redact(name)}") from None


def certificates(name: str, service: str | None = None) -> bytes:
    """Return the certificates, in PEM, that a service keeps beside a key."""
    return run_plugin("certificate", service, name)


def run_plugin(
    verb: str, service: str | None, name: str, *options: str, data: bytes = b""
) -> bytes:
    """Run the plugin and return its output. Raises CliError with the last line of its errors."""
    import subprocess

    from newel.cli.operations.plugins import find

    program = find("kms")
    if program is None:
        raise CliError(MISSING)
    words = [program, verb, *options, *(["--kms", service] if service else []), name]
    try:
        done = subprocess.run(words, input=data, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise CliError(f"step-kms-plugin {verb} did not end within {SECONDS} seconds") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it does not say why"]
        raise CliError(f"step-kms-plugin {verb} failed for {redact(name)}: {said[-1]}")
    return done.stdout


def redact(name: str) -> str:
    """Return a URI without its query, which may hold a PIN."""
    return name.partition("?")[0]
