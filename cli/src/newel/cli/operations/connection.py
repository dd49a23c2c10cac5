"""The authority a command talks to: where it is, what vouches for it, and how its refusals end a command."""

import contextlib
import datetime as dt
import ssl
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.keys.kms import is_uri, redact
from newel.cli.operations.network_errors import explain
from newel.cli.store import steppath
from newel.cli.store.files import read

if TYPE_CHECKING:
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


class AuthorityOptions(NamedTuple):
    """What a command was told about the authority it works with."""

    command: str
    """The command as errors quote it, `newel ca renew`."""
    folder: Path
    """Where certs/, config/ and secrets/ of the authority in force are."""
    ca_url: str | None = None
    root: str | None = None
    """The file of the roots to trust."""
    root_given: bool = False
    """Whether ``root`` comes from the command line itself."""
    ca_config: str | None = None
    unreadable: CliError | None = None
    """What is wrong with a defaults.json that might name what is missing."""

    @property
    def stored_root(self) -> Path:
        """The file in which bootstrap stores the root."""
        return self.folder / "certs/root_ca.crt"

    @property
    def identity_file(self) -> Path:
        """The file that names the client certificate for every call to the authority."""
        return self.folder / "config/identity.json"

    @property
    def configuration(self) -> Path:
        """The ca.json of --ca-config, by default that of the authority in force."""
        if not self.ca_config or self.ca_config.startswith("$STEPPATH"):
            return self.folder / "config/ca.json"
        return Path(self.ca_config)

    def require(self, value: str | None, flag: str) -> str:
        """Return the value of a flag that the command needs. Raises UsageError without one."""
        if value is None:
            if self.unreadable:
                raise self.unreadable
            raise UsageError(
                f"'{self.command}' requires the '--{flag}' flag",
                hint=program.BOOTSTRAP.format(program.name()) if flag in {"ca-url", "root"} else "",
            )
        return value


def url_of(authority: AuthorityOptions) -> str:
    """Return the authority's address. Raises UsageError when nothing names it or it is no https URL."""
    return parse_url(authority.require(authority.ca_url, "ca-url"))


def parse_url(given: str) -> str:
    """Return an authority's address in its short form. Raises UsageError when it is no https URL."""
    from newel.client.trust import base_url

    try:
        return base_url(given)
    except ValueError as error:
        reason = "must have https scheme" if "scheme" in str(error) else "it is not a URL"
        raise UsageError(f"invalid value '{given}' for flag '--ca-url'; {reason}") from None


def root_file(authority: AuthorityOptions) -> str:
    """Return the file of the root to trust: --root, else the one bootstrap stored. Raises UsageError."""
    stored = str(authority.stored_root) if authority.stored_root.is_file() else None
    return authority.require(authority.root or stored, "root")


def root_pem(authority: AuthorityOptions) -> str:
    """Return the trusted roots, PEM and nothing else. Raises CliError."""
    return read_roots(root_file(authority))


def read_roots(name: str) -> str:
    """Return the certificates of a file in PEM, DER or PKCS #7, as PEM and nothing else. Raises CliError."""
    from newel.cli.operations.certificates import sources

    try:
        data = sources.unpack(read(name), name)
    except CliError as error:
        raise CliError(f"error reading {name}: {error}") from None
    found = [block.data for block in sources.blocks(data) if block.label == "CERTIFICATE"]
    if not found and not data.startswith(DER_SEQUENCE):
        raise CliError(f"error reading {name}: there is no certificate in it")
    return "".join(sources.pem(one) for one in found or [data])


def trust_roots(roots: str) -> ssl.SSLContext:
    """TLS that trusts these roots. Raises CliError."""
    from newel.client.trust import client_tls

    try:
        return client_tls(roots)
    except ssl.SSLError:
        raise CliError("error reading root certificate: no certificate in it") from None


@contextlib.contextmanager
def connect(
    options: AuthorityOptions, *, url: str | None = None, root: str | None = None
) -> Generator["Authority"]:
    """Connect to the authority; what it refuses ends the command with its words.

    ``url`` and ``root`` (PEM) take the place of what the options name.
    """
    from newel.client.authority import Authority

    url = url or url_of(options)
    pem = root or root_pem(options)
    with explain_refusals():
        tls = trust_roots(pem)
        use_identity(options.identity_file, tls)
        with Authority(url, tls) as authority:
            yield authority


@contextlib.contextmanager
def authenticate(
    options: AuthorityOptions,
    certificate: str,
    key: str,
    *,
    password_file: str | None = None,
    url: str | None = None,
    root: str | None = None,
) -> Generator["Authority"]:
    """Connect over mutual TLS with the certificate and key in these files."""
    from newel.client.authority import Authority

    url = url or url_of(options)
    pem = root or root_pem(options)
    with explain_refusals():
        tls = trust_roots(pem)
        present(tls, certificate, key, password_file)
        with Authority(url, tls) as authority:
            yield authority


def present(tls: ssl.SSLContext, certificate: str, key: str, password_file: str | None) -> None:
    """Load a client certificate and its key, whose password is asked for when it needs one."""

    def password() -> bytes:
        from newel.cli.operations.keys.key_passwords import password_for

        return password_for(key, password_file)

    if is_uri(key):
        raise CliError(f"the key {redact(key)} signs tokens and certificates, but no TLS handshake")
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
    """Say whether OpenSSL reads the file itself: PEM that begins its lines, and not in OpenSSH's format.

    A carriage return alone ends no line for it.
    """
    if text.count(b"\r") != text.count(b"\r\n"):
        return False
    return b"\n-----BEGIN " in b"\n" + text and b"-----BEGIN OPENSSH PRIVATE KEY-----" not in text


def load_as_people_have_it(
    tls: ssl.SSLContext, certificate: str, key: str, password_file: str | None
) -> None:
    """Load files that OpenSSL does not read, by the readers of this program."""
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


def read_identity(file: Path) -> tuple[str | None, str | None]:
    """Return the files of the stored identity's certificate and key; None and None without one."""
    identity = steppath.read_json(file) if file.is_file() else {}
    if str(identity.get("type")).lower() != "mtls":
        return None, None
    return str(identity.get("crt")), str(identity.get("key"))


def use_identity(file: Path, tls: ssl.SSLContext) -> None:
    """Present the stored identity; one outside its validity is not presented.

    One that cannot be read is reported and no error, for most authorities do not ask for it.
    """
    certificate, key = read_identity(file)
    if not certificate or not key:
        return
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.client.clock import now

    try:
        leaf = read_leaf(certificate)
        if not leaf.not_before - LEEWAY <= now() <= leaf.not_after:
            return
        tls.load_cert_chain(certificate, key, "")
    except (CliError, OSError) as error:  # ssl.SSLError is one of the latter
        note(f"The identity {certificate} is not shown to the authority: {explain(error)}")


@contextlib.contextmanager
def explain_refusals(prefix: str = "", hint: str = RERUN) -> Generator[None]:
    """Turn the errors of the client library into lines for people."""
    from newel.client.errors import ClientError, RefusedError

    try:
        yield
    except RefusedError as error:
        raise CliError(prefix + error.message, hint=hint) from error
    except ClientError as error:
        raise CliError(f"{prefix}{error}") from error
