"""Flags that many commands share, as the records that operations take.

A record's field is named after its flag. A command that lacks the flag leaves the field at its default.
Each record is imported where it is filled, so that a command loads those it needs.
"""

from typing import TYPE_CHECKING, Any, TypeVar, cast

from newel.cli.errors import CliError
from newel.cli.operations.connection import AuthorityOptions
from newel.cli.options.invocation import Invocation, context_of
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.operations.acme.acme_options import ACMEOptions
    from newel.cli.operations.administration.admin_session import AdminOptions
    from newel.cli.operations.inventory.questions import Query
    from newel.cli.operations.inventory.session import ServiceOptions
    from newel.cli.operations.keys.key_choice import KeyOptions
    from newel.cli.operations.keys.key_output import PasswordOptions
    from newel.cli.operations.oauth.sign_in import SignInOptions
    from newel.cli.operations.renewal.leaf import Leaf
    from newel.cli.operations.renewal.renewal import RenewalOptions
    from newel.cli.operations.renewal.renewal_daemon import Schedule
    from newel.cli.operations.ssh.ssh_options import SSHOptions
    from newel.cli.operations.template_data import TemplateData
    from newel.cli.operations.tokens.token_options import TokenOptions

Record = TypeVar("Record", bound=tuple[Any, ...])


def select(record: type[Record], call: Invocation, **settled: Any) -> Record:
    """Fill a record with the flags that its fields are named after; ``settled`` are fields by value."""
    for field in cast("tuple[str, ...]", vars(record)["_fields"]):
        flag = field.replace("_", "-")
        if field not in settled and call.has(flag):
            settled[field] = getattr(call, field)
    return record(**settled)


def first_of(call: Invocation, *flags: str) -> str | None:
    """Return the value of the first flag that the command has and that has one."""
    return next((found for name in flags if call.has(name) and (found := call.get(name))), None)


def authority_options(call: Invocation) -> AuthorityOptions:
    """Return where the authority is and what vouches for it."""
    options = select(
        AuthorityOptions,
        call,
        command=call.command_name,
        folder=steppath.authority_path(context_of(call)),
        root_given=call.is_given("root"),
    )
    if options.ca_url and (options.root or options.stored_root.is_file()):
        return options
    return options._replace(unreadable=unreadable_defaults(call))


def unreadable_defaults(call: Invocation) -> CliError | None:
    """Return the error of a defaults.json that cannot be read, which may name what is missing."""
    try:
        call.check_saved()
    except CliError as error:
        return error
    return None


def token_options(call: Invocation, **settled: Any) -> "TokenOptions":
    """Return what names a provisioner and proves that a token may be made."""
    from newel.cli.operations.tokens.token_options import PASSWORD_FLAGS, TokenOptions
    from newel.cli.options.delegation import parse

    flag = next((name for name in PASSWORD_FLAGS if call.has(name)), PASSWORD_FLAGS[0])
    return select(
        TokenOptions,
        call,
        authority=authority_options(call),
        password_file=first_of(call, *PASSWORD_FLAGS),
        password_flag=flag,
        ca_password_file=first_of(call, "ca-password-file", "password-file"),
        sign_in=lambda: sign_in_options(parse("oauth")),
        k8ssa_given=call.is_given("k8ssa-token-path"),
        **settled,
    )


def sign_in_options(call: Invocation) -> "SignInOptions":
    """Return the identity provider and the way a person signs in with it."""
    from newel.cli.operations.oauth.sign_in import SignInOptions

    return select(SignInOptions, call, provider_given=call.is_given("provider"))


def key_options(call: Invocation) -> "KeyOptions":
    """Return the kind of key to make."""
    from newel.cli.operations.keys.key_choice import KeyOptions

    settled = {name for name in ("kty", "crv", "size") if call.has(name) and call.is_settled(name)}
    return select(KeyOptions, call, settled=settled)


def password_options(call: Invocation) -> "PasswordOptions":
    """Return where the password of a new private key comes from."""
    from newel.cli.operations.keys.key_output import PasswordOptions

    return select(PasswordOptions, call)


def acme_options(call: Invocation) -> "ACMEOptions":
    """Return the ACME account and the way to answer challenges."""
    from newel.cli.operations.acme.acme_options import ACMEOptions
    from newel.cli.operations.times import parse_duration

    if call.has("eab-key"):
        call.exclusive("eab-key", "eab-key-file")
    wait = call.get("dns-wait") if call.has("dns-wait") else None
    return select(ACMEOptions, call, propagation=parse_duration(wait, "dns-wait"))


def template_data(call: Invocation) -> "TemplateData":
    """Return where the data for a template comes from."""
    from newel.cli.operations.template_data import TemplateData

    return TemplateData(call.all("set"), call.get("set-file"))


def renewal_options(call: Invocation) -> "RenewalOptions":
    """Return whom a renewal asks, and how it proves who it is."""
    from newel.cli.operations.renewal.renewal import RenewalOptions

    by_acme = call.has("acme") and call.get("acme")
    return select(
        RenewalOptions,
        call,
        authority=authority_options(call),
        ca_password_file=first_of(call, "ca-password-file", "password-file"),
        acme=acme_options(call) if by_acme else None,
    )


def schedule(call: Invocation, leaf: "Leaf", period_flag: str) -> "Schedule":
    """Return when a certificate is due. Raises UsageError for periods that do not fit it."""
    from newel.cli.operations.renewal.renewal_daemon import Schedule
    from newel.cli.operations.times import parse_duration

    return Schedule(
        leaf,
        daemon=call.on("daemon"),
        margin=parse_duration(call.get("expires-in"), "expires-in"),
        period=parse_duration(call.get(period_flag), period_flag),
        period_flag=period_flag,
    )


def admin_options(call: Invocation, *login_flags: str) -> "AdminOptions":
    """Return the administrator to act for; ``login_flags`` may name the provisioner to log in with."""
    from newel.cli.operations.administration.admin_session import AdminOptions

    flags = login_flags or ("admin-provisioner",)
    flag = next((name for name in flags if call.has(name) and call.get(name)), flags[0])
    return select(
        AdminOptions,
        call,
        tokens=token_options(call),
        login_flag=flag,
        login_provisioner=call.get(flag),
    )


def service_options(call: Invocation, service: str) -> "ServiceOptions":
    """Return where ``inventory`` or ``alerting`` is, and the administrator who calls it."""
    from newel.cli.operations.inventory.session import ServiceOptions

    return select(
        ServiceOptions,
        call,
        authority=authority_options(call),
        url=call.get(f"{service}-url"),
        root=call.get(f"{service}-root"),
    )


def query(call: Invocation) -> "Query":
    """Return the filters and the order of a list."""
    from newel.cli.operations.inventory.questions import FILTERS, Query

    given = {flag: text for flag in FILTERS if call.has(flag) and (text := call.get(flag))}
    return Query(given, call.get("sort"))


def ssh_options(call: Invocation) -> "SSHOptions":
    """Return the authority, and the way to a token for it and to an SSH certificate."""
    from newel.cli.operations.ssh import ssh_options
    from newel.cli.operations.ssh.ssh_options import SSHOptions

    return select(
        SSHOptions,
        call,
        tokens=token_options(call),
        usage=call.command.usage,
        kinds=[
            kind
            for kind in ssh_options.SIGNERS
            if call.has(ssh_options.NEEDED_FLAGS.get(kind, "provisioner"))
        ],
        template_data=template_data(call) if call.has("set-file") else None,
    )
