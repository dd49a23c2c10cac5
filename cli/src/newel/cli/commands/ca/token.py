"""`newel ca token`: a one-time token on stdout, everything else on stderr."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.tokens import token_requests
from newel.cli.options.invocation import Invocation
from newel.cli.options.times import resolved
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.step.tokens import SshOptions

PURPOSES = ("revoke", "renew", "rekey")
ONLY_SSH = ("host", "principal", "cert-not-before", "cert-not-after")


def run(call: Invocation) -> None:
    """Makes the token the flags ask for."""
    (subject,) = call.positionals(1)
    method = purpose(call)
    name = call.get("output-file")
    if name:
        atomic_write.allow([name], force=call.on("force"))
    token = (
        renewal(call, method) if by_own_certificate(call, method) else make(call, method, subject)
    )
    if name:
        atomic_write.write_all([atomic_write.Target(name, token.encode())])
    elif call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"token": token})
    else:
        print(token)


def purpose(call: Invocation) -> str:
    """The path of the method the token is for: "sign", "ssh/revoke" …"""
    asked = [flag for flag in PURPOSES if call.on(flag)]
    if len(asked) > 1:
        raise UsageError(f"flag '--{asked[0]}' is incompatible with '--{asked[1]}'")
    ssh = call.on("ssh")
    for flag in ONLY_SSH:
        if not ssh and (call.on(flag) if flag == "host" else call.get(flag)):
            raise UsageError(f"flag '--{flag}' requires the '--ssh' flag")
    if ssh and call.all("san"):
        raise UsageError("flag '--ssh' is incompatible with '--san'")
    if call.get("cnf") and call.get("cnf-file"):
        raise UsageError("flag '--cnf' and flag '--cnf-file' are mutually exclusive")
    return ("ssh/" if ssh else "") + (asked[0] if asked else "sign")


def by_own_certificate(call: Invocation, method: str) -> bool:
    """Whether a certificate shall vouch for its own renewal."""
    return method == "renew" and bool(call.get("x5c-cert"))


def renewal(call: Invocation, method: str) -> str:
    """The token a certificate's own key signs to renew it."""
    from newel.cli.operations import connection
    from newel.cli.operations.renewal.renewal import renew_token

    if call.on("offline") and token_requests.has_files(call):
        audience = f"{token_requests.offline(call).audience}/{method}"
    else:
        audience = f"{connection.url_of(call)}/1.0/{method}"
    certificate, key = call.require("x5c-cert"), call.require("x5c-key")
    return renew_token(certificate, key, call.get("password-file"), audience, call.get("kms"))


def make(call: Invocation, method: str, subject: str) -> str:
    """The token a provisioner signs."""
    from newel.cli.options import template_data
    from newel.client.clock import now

    moment = now()
    claims: dict[str, Any] = {
        "not_before": resolved(call, "not-before", moment),
        "not_after": resolved(call, "not-after", moment),
        "confirmation": confirmation(call),
    }
    if call.on("ssh"):
        if method == "ssh/sign":
            claims["ssh"] = ssh_options(call, subject)
    elif method == "sign":
        claims["sans"] = call.all("san") or [subject]
    if method in {"sign", "ssh/sign"}:
        data = template_data.given(call)
        claims["user"] = None if call.on("offline") and not data else data
    kinds = ("SSHPOP",) if method in {"ssh/renew", "ssh/rekey"} else ()
    return token_requests.issue(call, method, subject, kinds=kinds, **claims)


def ssh_options(call: Invocation, subject: str) -> "SshOptions":
    """What the token fixes of the SSH certificate."""
    from newel.cli.options.times import for_authority
    from newel.step.tokens import SshOptions

    return SshOptions(
        cert_type="host" if call.on("host") else "user",
        key_id=subject,
        principals=call.all("principal") or None,
        valid_after=for_authority(call, "cert-not-before"),
        valid_before=for_authority(call, "cert-not-after"),
    )


def confirmation(call: Invocation) -> str:
    """The fingerprint of the one request or public key the token shall be good for; "" for any."""
    from newel.step.fingerprint import confirmation as of_octets

    name = call.get("cnf-file")
    if not name:
        return call.get("cnf") or ""
    from newel.cli.store.files import read

    data = read(name)
    if call.on("ssh"):
        import binascii

        words = data.split()
        try:
            return of_octets(binascii.a2b_base64(words[1]))
        except (IndexError, ValueError):
            raise CliError(f"error parsing {name}: it is no SSH public key") from None
    from newel.cli.operations import certificate_requests

    return of_octets(certificate_requests.read(data, name).der)
