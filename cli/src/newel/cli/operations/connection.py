"""The authority a command talks to: where it is, what vouches for it, and how its refusals end a command."""

import contextlib
import datetime as dt
import ssl
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.keys.kms import is_uri, shown
from newel.cli.operations.network_errors import explain
from newel.cli.options.invocation import BOOTSTRAP
from newel.cli.store import steppath
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation
    from newel.client.authority import Authority

LEEWAY = dt.timedelta(minutes=1)
"""How much later than the authority's this machine's clock may be."""
MISMATCH = "private key does not match public key"
DER_SEQUENCE = b"\x30"
RERUN = "Re-run with STEPDEBUG=1 for more info."
COMPARE = (
    "That authority has no such root. Compare the address, and the fingerprint with what "
    "'certificate fingerprint root_ca.crt' prints where the authority's files are."
)


def url_of(call: "Invocation") -> str:
    """The authority's address. Raises UsageError when nothing names it or it is no https URL."""
    from newel.client.trust import base_url

    given = call.require("ca-url")
    try:
        return base_url(given)
    except ValueError as error:
        reason = "must have https scheme" if "scheme" in str(error) else "it is not a URL"
        raise UsageError(f"invalid value '{given}' for flag '--ca-url'; {reason}") from None


def root_file(call: "Invocation") -> str:
    """The file of the root to trust: --root, else the one bootstrap stored. Raises UsageError."""
    given = call.get("root") if call.known("root") else None
    if given:
        return given
    stored = stored_root(call)
    if stored.is_file():
        return str(stored)
    call.check_saved()
    raise UsageError(
        f"'{call.command.usage.split(' <')[0]}' requires the '--root' flag",
        hint=BOOTSTRAP.format(program.name()),
    )


def stored_root(call: "Invocation") -> Path:
    """Where bootstrap puts the root."""
    return steppath.authority_path(steppath.context_of(call)) / "certs/root_ca.crt"


def root_pem(call: "Invocation", given: str | None = None) -> str:
    """The trusted roots, PEM and nothing else: of the file that is given, else of :func:`root_file`."""
    from newel.cli.operations.certificates import sources

    name = given or root_file(call)
    try:
        data = read(name)
    except CliError as error:
        raise CliError(f"error reading {name}: {error}") from None
    found = [block.data for block in sources.blocks(data) if block.label == "CERTIFICATE"]
    if not found and not data.startswith(DER_SEQUENCE):
        raise CliError(f"error reading {name}: there is no certificate in it")
    return "".join(sources.pem(one) for one in found or [data])


def trust(roots: str) -> ssl.SSLContext:
    """TLS that trusts these roots. Raises CliError."""
    from newel.client.trust import client_tls

    try:
        return client_tls(roots)
    except ssl.SSLError:
        raise CliError("error reading root certificate: no certificate in it") from None


@contextlib.contextmanager
def connected(
    call: "Invocation", *, url: str | None = None, root: str | None = None
) -> Generator["Authority"]:
    """The authority the flags and defaults name; what it refuses ends the command with its words."""
    from newel.client.authority import Authority

    url = url or url_of(call)
    pem = root or root_pem(call)
    with explained():
        tls = trust(pem)
        use_identity(call, tls)
        with Authority(url, tls) as authority:
            yield authority


@contextlib.contextmanager
def authenticated(
    call: "Invocation",
    certificate: str,
    key: str,
    *,
    url: str | None = None,
    root: str | None = None,
    unlocked_by: str = "password-file",
) -> Generator["Authority"]:
    """The same over mutual TLS with the certificate and key in these files.

    ``unlocked_by`` names the file with the key's password, where the command has such a flag.
    """
    from newel.client.authority import Authority

    url = url or url_of(call)
    pem = root or root_pem(call)
    with explained():
        tls = trust(pem)
        present(call, tls, certificate, key, unlocked_by)
        with Authority(url, tls) as authority:
            yield authority


def present(
    call: "Invocation",
    tls: ssl.SSLContext,
    certificate: str,
    key: str,
    unlocked_by: str = "password-file",
) -> None:
    """Loads a client certificate and its key, whose password is asked for when it needs one."""
    password_file = call.get(unlocked_by) if call.known(unlocked_by) else None

    def password() -> bytes:
        from newel.cli.operations.keys.key_files import password_for

        return password_for(key, password_file)

    if is_uri(key):
        raise CliError(f"the key {shown(key)} signs tokens and certificates, but no TLS handshake")
    texts = [read(name, exact=True) for name in (certificate, key)]
    if not all(map(read_by_openssl, texts)):
        load_as_people_have_it(tls, certificate, key, password_file)
        return
    try:
        tls.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        reason = {
            "KEY_VALUES_MISMATCH": MISMATCH,
            "NO_START_LINE": "failed to find any PEM data",
        }.get(
            error.reason or "",
            "the certificate or the key cannot be read, or the password is wrong",
        )
        raise CliError(f"error loading X509 key pair {certificate}, {key}: {reason}") from None


def read_by_openssl(text: bytes) -> bool:
    """Whether OpenSSL reads the file itself: PEM that begins its lines, and not in OpenSSH's format.

    A carriage return alone ends no line for it.
    """
    if text.count(b"\r") != text.count(b"\r\n"):
        return False
    return b"\n-----BEGIN " in b"\n" + text and b"-----BEGIN OPENSSH PRIVATE KEY-----" not in text


def load_as_people_have_it(
    tls: ssl.SSLContext, certificate: str, key: str, password_file: str | None
) -> None:
    """Loads what OpenSSL does not read: our own readers do, and hand it what they found."""
    from newel.cli.operations.certificates import sources
    from newel.cli.operations.keys.key_files import private_key
    from newel.client import credential, rotating

    chain = [one.der for one in sources.from_file(certificate)]
    try:
        made = credential.check(chain, private_key(key, password_file))
    except ValueError as error:
        reason = MISMATCH if "another key" in str(error) else str(error)
        raise CliError(f"error loading X509 key pair {certificate}, {key}: {reason}") from None
    rotating.load(tls, made)


def use_identity(call: "Invocation", tls: ssl.SSLContext) -> None:
    """Presents the identity that is kept on every call; one that has expired is left at home.

    One that cannot be read is no reason to fail, for most authorities do not ask for it; it is said.
    """
    identity = steppath.read_json(steppath.identity_file(call))
    if str(identity.get("type")).lower() != "mtls":
        return
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.client.clock import now

    certificate, key = str(identity.get("crt")), str(identity.get("key"))
    try:
        leaf = read_leaf(certificate)
        if not leaf.not_before - LEEWAY <= now() <= leaf.not_after:
            return
        tls.load_cert_chain(certificate, key, "")
    except (CliError, OSError) as error:  # ssl.SSLError is one of the latter
        note(f"The identity {certificate} is not shown to the authority: {explain(error)}")


@contextlib.contextmanager
def explained(prefix: str = "", hint: str = RERUN) -> Generator[None]:
    """Turns what the client library raises into the line a person reads."""
    from newel.client.errors import ClientError, RefusedError

    try:
        yield
    except RefusedError as error:
        raise CliError(prefix + error.message, hint=hint) from error
    except ClientError as error:
        raise CliError(f"{prefix}{error}") from error
