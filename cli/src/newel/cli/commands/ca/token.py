"""`newel ca token`: a one-time token on stdout, everything else on stderr."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.tokens import token_requests
from newel.cli.options.times import resolved
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CATokenOptions
    from newel.step.tokens import SSHOptions

PURPOSES = ("revoke", "renew", "rekey")
ONLY_SSH = ("host", "principal", "cert-not-before", "cert-not-after")


def run(options: "CATokenOptions") -> None:
    """Makes the token the flags ask for."""
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
    """The path of the method the token is for: "sign", "ssh/revoke" …"""
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
    """Whether a certificate shall vouch for its own renewal."""
    return method == "renew" and bool(options.x5c_cert)


def renewal(options: "CATokenOptions", method: str) -> str:
    """The token a certificate's own key signs to renew it."""
    from newel.cli.operations import connection
    from newel.cli.operations.renewal.renewal import renew_token

    if options.offline and token_requests.has_files(options):
        audience = f"{token_requests.offline(options).audience}/{method}"
    else:
        audience = f"{connection.url_of(options)}/1.0/{method}"
    certificate, key = options.require("x5c-cert"), options.require("x5c-key")
    return renew_token(certificate, key, options.password_file, audience, options.kms)


def make(options: "CATokenOptions", method: str, subject: str) -> str:
    """The token a provisioner signs."""
    from newel.cli.options import template_data
    from newel.client.clock import now

    moment = now()
    claims: dict[str, Any] = {
        "not_before": resolved(options, "not-before", moment),
        "not_after": resolved(options, "not-after", moment),
        "confirmation": confirmation(options),
    }
    if options.ssh:
        if method == "ssh/sign":
            claims["ssh"] = ssh_options(options, subject)
    elif method == "sign":
        claims["sans"] = options.san or [subject]
    if method in {"sign", "ssh/sign"}:
        data = template_data.given(options)
        claims["user"] = None if options.offline and not data else data
    kinds = ("SSHPOP",) if method in {"ssh/renew", "ssh/rekey"} else ()
    return token_requests.issue(options, method, subject, kinds=kinds, **claims)


def ssh_options(options: "CATokenOptions", subject: str) -> "SSHOptions":
    """What the token fixes of the SSH certificate."""
    from newel.cli.options.times import for_authority
    from newel.step.tokens import SSHOptions

    return SSHOptions(
        cert_type="host" if options.host else "user",
        key_id=subject,
        principals=options.principal or None,
        valid_after=for_authority(options, "cert-not-before"),
        valid_before=for_authority(options, "cert-not-after"),
    )


def confirmation(options: "CATokenOptions") -> str:
    """The fingerprint of the one request or public key the token shall be good for; "" for any."""
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
