"""`newel ca token`: a one-time token on stdout, everything else on stderr."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.times import parse_time, resolve_time
from newel.cli.operations.tokens import token_requests
from newel.cli.options.groups import authority_options, template_data, token_options
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CATokenOptions
    from newel.step.tokens import SSHOptions

PURPOSES = ("revoke", "renew", "rekey")
ONLY_SSH = ("host", "principal", "cert-not-before", "cert-not-after")


def run(options: "CATokenOptions") -> None:
    """Make the token that the flags ask for."""
    (subject,) = options.positionals(1)
    method = purpose(options)
    name = options.output_file
    if name:
        atomic_write.allow([name], force=options.force)
    token = (
        renewal(options, method)
        if by_own_certificate(options, method)
        else make(options, method, subject)
    )
    if name:
        atomic_write.write_all([atomic_write.Target(name, token.encode())])
    elif options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"token": token})
    else:
        print(token)


def purpose(options: "CATokenOptions") -> str:
    """Return the path of the method that the token is for, such as "sign" or "ssh/revoke"."""
    asked = [flag for flag in PURPOSES if options.on(flag)]
    if len(asked) > 1:
        raise UsageError(f"flag '--{asked[0]}' is incompatible with '--{asked[1]}'")
    ssh = options.ssh
    for flag in ONLY_SSH:
        if not ssh and (options.on(flag) if flag == "host" else options.get(flag)):
            raise UsageError(f"flag '--{flag}' requires the '--ssh' flag")
    if ssh and options.san:
        raise UsageError("flag '--ssh' is incompatible with '--san'")
    if options.cnf and options.cnf_file:
        raise UsageError("flag '--cnf' and flag '--cnf-file' are mutually exclusive")
    return ("ssh/" if ssh else "") + (asked[0] if asked else "sign")


def by_own_certificate(options: "CATokenOptions", method: str) -> bool:
    """Say whether a certificate shall vouch for its own renewal."""
    return method == "renew" and bool(options.x5c_cert)


def renewal(options: "CATokenOptions", method: str) -> str:
    """Return the token a certificate's own key signs to renew it."""
    from newel.cli.operations import connection
    from newel.cli.operations.renewal.renewal import renew_token

    authority = authority_options(options)
    if options.offline and authority.configuration.is_file():
        audience = f"{token_requests.offline(authority).audience}/{method}"
    else:
        audience = f"{connection.url_of(authority)}/1.0/{method}"
    certificate, key = options.require("x5c-cert"), options.require("x5c-key")
    return renew_token(certificate, key, options.password_file, audience, options.kms)


def make(options: "CATokenOptions", method: str, subject: str) -> str:
    """Return the token a provisioner signs."""
    from newel.client.clock import now

    moment = now()
    claims: dict[str, Any] = {
        "not_before": resolve_time(options.not_before, "not-before", moment),
        "not_after": resolve_time(options.not_after, "not-after", moment),
        "confirmation": confirmation(options),
    }
    if options.ssh:
        if method == "ssh/sign":
            claims["ssh"] = ssh_options(options, subject)
    elif method == "sign":
        claims["sans"] = options.san or [subject]
    if method in {"sign", "ssh/sign"}:
        data = template_data(options).read()
        claims["user"] = None if options.offline and not data else data
    kinds = ("SSHPOP",) if method in {"ssh/renew", "ssh/rekey"} else ()
    return token_requests.issue(token_options(options), method, subject, kinds=kinds, **claims)


def ssh_options(options: "CATokenOptions", subject: str) -> "SSHOptions":
    """Return what the token determines of the SSH certificate."""
    from newel.step.tokens import SSHOptions

    return SSHOptions(
        cert_type="host" if options.host else "user",
        key_id=subject,
        principals=options.principal or None,
        valid_after=str(parse_time(options.cert_not_before, "cert-not-before")),
        valid_before=str(parse_time(options.cert_not_after, "cert-not-after")),
    )


def confirmation(options: "CATokenOptions") -> str:
    """Return the fingerprint of the request or public key that the token is bound to; "" for any."""
    from newel.step.fingerprint import confirmation as of_octets

    name = options.cnf_file
    if not name:
        return options.cnf or ""
    from newel.cli.store.files import read

    data = read(name)
    if options.ssh:
        import binascii

        words = data.split()
        try:
            return of_octets(binascii.a2b_base64(words[1]))
        except (IndexError, ValueError):
            raise CliError(f"error parsing {name}: it is no SSH public key") from None
    from newel.cli.operations import certificate_requests

    return of_octets(certificate_requests.read(data, name).der)
