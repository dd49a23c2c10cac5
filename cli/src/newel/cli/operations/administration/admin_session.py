"""Calls of the admin API: each carries a token signed by an administrator's certificate.

The certificate is the one of --admin-cert, or one obtained for this command alone, whose key is never
written.
"""

import base64
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations import certificate_requests, connection
from newel.cli.operations.tokens import provisioner_choice
from newel.cli.operations.tokens.one_time_tokens import check_pair, token_of
from newel.cli.operations.tokens.signed_tokens import TokenRequest, sign

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.client.authority import Authority
    from newel.client.calls import Call
    from newel.crypto.keys import PrivateKey

Answer = TypeVar("Answer")
ISSUER = "step-admin-client/1.0"
LOGIN = "No admin credentials found. You must login to execute admin commands."
DEFAULT_SUBJECT = "step"
KINDS = ("JWK", "OIDC", "X5C")
UNAUTHORIZED, ABSENT = 401, (404, 501)


class Credential(NamedTuple):
    """An administrator's chain (DER, leaf first), key and name."""

    chain: tuple[bytes, ...]
    key: "PrivateKey"
    subject: str


class AdminSession(NamedTuple):
    """An authority, and the administrator's credential."""

    authority: "Authority"
    credential: Credential

    def send(self, call: "Call[Answer]") -> "Answer":
        """Make a call of `newel.client.admin_calls`. Raises what the client library raises."""
        from newel.client import admin_calls

        return self.authority.send(admin_calls.authorize(call, self.token_for))

    def token_for(self, path: str) -> str:
        """Return a token for one path, signed by the administrator's key."""
        chain = [base64.b64encode(der).decode() for der in self.credential.chain]
        wanted = TokenRequest(self.credential.subject, f"{self.authority.url}{path}")
        return sign(wanted, self.credential.key, kid="", issuer=ISSUER, header={"x5c": chain})


class AdminOptions(NamedTuple):
    """What a command was told about the administrator it acts for."""

    tokens: "TokenOptions"
    admin_cert: str | None = None
    admin_key: str | None = None
    admin_subject: str | None = None
    login_provisioner: str | None = None
    """The provisioner to log in with."""
    login_flag: str = "admin-provisioner"
    """The flag that names it."""

    @property
    def authority(self) -> "AuthorityOptions":
        """Where the authority is and what vouches for it."""
        return self.tokens.authority


@contextmanager
def open_session(options: AdminOptions) -> Generator[AdminSession]:
    """Open a session as the administrator that the options name. Raises CliError."""
    url, root = connection.url_of(options.authority), connection.root_pem(options.authority)
    with connection.connect(options.authority, url=url, root=root) as authority:
        if not is_managed(authority):
            raise CliError(
                f"the authority {url} is not managed remotely",
                hint="It has no administrators, and no policies but those of its ca.json.",
            )
        credential = read_credential(options) or login(options, url, root)
        yield AdminSession(authority, credential)


def is_managed(authority: "Authority") -> bool:
    """Say whether the authority is managed remotely, which it tells without a credential."""
    from newel.client import admin_calls
    from newel.client.errors import RefusedError

    try:
        authority.send(admin_calls.presence())
    except RefusedError as error:
        if error.status in ABSENT:
            return False
        if error.status != UNAUTHORIZED:
            raise
    return True


def probe_management(options: "AuthorityOptions") -> bool | None:
    """Ask whether the authority is managed remotely; None when none is named or none answers.

    Raises CliError.
    """
    from newel.client.errors import UnreachableError, UntrustedError

    if not options.ca_url or not (options.root or options.stored_root.is_file()):
        return None
    with connection.connect(options) as authority:
        try:
            return is_managed(authority)
        except UntrustedError:
            raise
        except UnreachableError:
            return None


def read_credential(options: AdminOptions) -> Credential | None:
    """Return the credential of --admin-cert and --admin-key; None without them. Raises CliError."""
    from newel.cli.operations.keys.signing_keys import signing_key
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.crypto import loading

    certificate, key_file = options.admin_cert, options.admin_key
    if not certificate and not key_file:
        return None
    if not certificate:
        raise UsageError("flag '--admin-key' requires the '--admin-cert' flag")
    if not key_file:
        raise UsageError("flag '--admin-cert' requires the '--admin-key' flag")
    chain = read_leaf(certificate).chain
    key = signing_key(key_file, options.tokens.password_file)
    check_pair(chain[0], key, certificate, key_file)
    leaf = loading.load_certificate(chain[0])
    names = [certificate_requests.common_name(leaf), *certificate_requests.names_of(leaf)]
    return Credential(chain, key, next(name for name in names if name))


def login(options: AdminOptions, url: str, root: str) -> Credential:
    """Return a credential for this process only, from a provisioner that knows the administrator."""
    from newel.cli.operations.keys import key_choice
    from newel.client import calls
    from newel.crypto import pem
    from newel.step.fingerprint import fingerprint

    note(LOGIN)
    with connection.connect(options.authority, url=url, root=root) as authority:
        known = provisioner_choice.list_all(authority)
        wanted = options.login_provisioner
        known = [each for each in known if each.get("type") in KINDS]
        if wanted:
            hint = provisioner_choice.one_of([provisioner_choice.text(each) for each in known])
            known = [each for each in known if each.get("name") == wanted]
            if not known:
                raise UsageError(
                    f"invalid value '{wanted}' for flag '--{options.login_flag}'", hint=hint
                )
        chosen = provisioner_choice.pick(known)
        subject = options.admin_subject or DEFAULT_SUBJECT
        root_sha = fingerprint(pem.decode_all(root.encode())[0])
        token = token_of(
            options.tokens,
            chosen,
            TokenRequest(subject, f"{url}/1.0/sign", root_sha, sans=[subject]),
        )
        key = key_choice.generate(key_choice.KeyChoice("EC", "P-256", 0))
        csr = certificate_requests.make(key, subject, [subject])
        issued = authority.send(calls.sign(csr, token))
    chain = tuple(pem.decode(text.encode()) for text in issued.chain)
    return Credential(chain, key, subject)
