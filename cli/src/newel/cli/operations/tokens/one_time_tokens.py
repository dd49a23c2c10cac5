"""One-time tokens: signed here by a provisioner's key, or brought from where the provisioner trusts.

The key of a JWK provisioner is kept by the authority, encrypted; the password that opens it never leaves
this process (API-23).
"""

import base64
import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.cli.options.invocation import Invocation
    from newel.crypto.keys import PrivateKey
    from newel.jose.jws import ExternalSigner
    from newel.step.tokens import SSHOptions

PASSWORD_FLAGS = ("provisioner-password-file", "admin-password-file", "password-file")
PROMPT = "Please enter the password to decrypt the provisioner key"
SHORTEST, LONGEST = dt.timedelta(seconds=10), dt.timedelta(hours=1)
LATEST_START = dt.timedelta(minutes=30)


class TokenRequest(NamedTuple):
    """What a token shall say, whoever signs it."""

    subject: str
    audience: str
    """The URL of the method; provisioners that need it add their fragment."""
    root: str = ""
    """SHA-256 of the root, hex, so that the token alone is enough to trust the authority."""
    sans: Sequence[str] | None = None
    confirmation: str = ""
    ssh: "SSHOptions | None" = None
    user: dict[str, Any] | None = None
    not_before: dt.datetime | None = None
    not_after: dt.datetime | None = None


def token_of(call: "Invocation", provisioner: "Provisioner", wanted: TokenRequest) -> str:
    """A token for this provisioner. Raises CliError for kinds that have none."""
    kind = str(provisioner.get("type"))
    if kind == "JWK":
        key, kid = provisioner_key(call, provisioner)
        return signed(wanted, key, kid=kid, issuer=str(provisioner["name"]))
    proofs = {"X5C": by_certificate, "SSHPOP": by_ssh_certificate, "Nebula": by_nebula}
    if kind in proofs:
        return proofs[kind](call, provisioner, wanted)
    if kind == "K8sSA":
        return read(call.require("k8ssa-token-path")).decode().strip()
    if kind == "OIDC":
        return by_oauth(call, provisioner)
    if kind in {"AWS", "GCP", "Azure"}:
        from newel.cli.operations.tokens import cloud_tokens

        return cloud_tokens.token_of(
            provisioner, wanted.subject, wanted.sans or [], wanted.audience
        )
    raise CliError(f"step {kind} provisioners do not support token auth flows")


def provisioner_key(call: "Invocation", provisioner: "Provisioner") -> tuple["PrivateKey", str]:
    """The private key of a JWK provisioner and its id: of --key, or the escrowed one."""
    from newel.cli.jose import jwk_files
    from newel.crypto.keys import PrivateKey

    kid = str(provisioner.get("key", {}).get("kid", ""))
    name = call.get("key") if call.known("key") else None
    password = password_file(call)
    if name:
        from newel.cli.operations.keys.kms import service, signing_key

        return signing_key(name, password, service(call)), kid
    sealed = str(provisioner.get("encryptedKey") or "")
    if not sealed:
        raise CliError(
            "the provisioner's key is not kept by the authority: name its file by '--key'"
        )
    jwk = jwk_files.parse(
        sealed.encode(), "the provisioner key", password, PROMPT, f"--{password_flag(call)} FILE"
    )
    key = jwk_files.key_of(jwk, "the provisioner key")
    if not isinstance(key, PrivateKey):
        raise CliError("the provisioner's key is no private key")
    return key, kid


def password_file(call: "Invocation") -> str | None:
    """The file with the provisioner's password, the most particular flag first."""
    known = [flag for flag in PASSWORD_FLAGS if call.known(flag)]
    return next((found for flag in known if (found := call.get(flag))), None)


def password_flag(call: "Invocation") -> str:
    """The flag that would name that file."""
    return next((flag for flag in PASSWORD_FLAGS if call.known(flag)), PASSWORD_FLAGS[0])


def signed(
    wanted: TokenRequest,
    key: "PrivateKey | ExternalSigner",
    *,
    kid: str,
    issuer: str,
    fragment: str = "",
    header: dict[str, Any] | None = None,
) -> str:
    """The token, signed by ``key``."""
    from newel.client.clock import now
    from newel.step import tokens

    moment = now()
    start = wanted.not_before or moment
    lifetime = wanted.not_after - start if wanted.not_after else tokens.LIFETIME
    if not SHORTEST <= lifetime <= LONGEST:
        raise UsageError("the token must be valid for ten seconds at least and an hour at most")
    if start > moment + LATEST_START:
        raise UsageError("the token must start within half an hour")
    try:
        return tokens.make(
            key,
            kid=kid,
            issuer=issuer,
            subject=wanted.subject,
            audience=wanted.audience + fragment,
            now=moment,
            sans=wanted.sans,
            root=wanted.root,
            not_before=wanted.not_before,
            lifetime=lifetime,
            confirmation=wanted.confirmation,
            ssh=wanted.ssh,
            user=wanted.user,
            extra_header=header,
        )
    except (ValueError, KeyError):
        raise CliError("the key cannot sign a token: its kind is not one of those used") from None


def by_certificate(call: "Invocation", provisioner: "Provisioner", wanted: TokenRequest) -> str:
    """A token signed by the key of a certificate the provisioner's roots vouch for."""
    from newel.cli.operations.certificates.sources import from_file
    from newel.cli.operations.keys.kms import service, signing_key

    certificate, key_file = call.require("x5c-cert"), call.require("x5c-key")
    files = [certificate, *(call.all("x5c-chain") if call.known("x5c-chain") else [])]
    chain = [one.der for name in files for one in from_file(name, service(call))]
    key = signing_key(key_file, password_file(call), service(call))
    check_pair(chain[0], key, certificate, key_file)
    insecure = call.known("x5c-insecure") and call.on("x5c-insecure")
    header = {
        "x5cInsecure" if insecure else "x5c": [base64.b64encode(der).decode() for der in chain]
    }
    name = str(provisioner["name"])
    return signed(wanted, key, kid=key_file, issuer=name, fragment=f"#x5c/{name}", header=header)


def check_pair(leaf: bytes, key: "PrivateKey", certificate: str, key_file: str) -> None:
    """Refuses a key that is not the certificate's, before the authority does with fewer words."""
    from newel.crypto import loading

    if loading.load_certificate(leaf).public_key() != key.public_key():
        raise CliError(f"the key {key_file} is not the key of the certificate {certificate}")


def by_ssh_certificate(call: "Invocation", provisioner: "Provisioner", wanted: TokenRequest) -> str:
    """A token signed by the key of an SSH host certificate: renew, rekey and revoke only."""
    from newel.cli.operations.keys.kms import service, signing_key
    from newel.jose import jwk

    certificate, key_file = call.require("sshpop-cert"), call.require("sshpop-key")
    words = read(certificate).split()
    if len(words) < 2 or b"-cert-v01@openssh.com" not in words[0]:
        raise CliError(f"error parsing {certificate}: it is no SSH certificate")
    name = str(provisioner["name"])
    key = signing_key(key_file, password_file(call), service(call))
    return signed(
        wanted,
        key,
        kid=jwk.from_public_key(key.public_key()).kid or "",
        issuer=name,
        fragment=f"#sshpop/{name}",
        header={"sshpop": words[1].decode()},
    )


def by_nebula(call: "Invocation", provisioner: "Provisioner", wanted: TokenRequest) -> str:
    """A token signed by the key of a host in a Nebula network."""
    from newel.cli.operations.tokens import nebula_tokens

    return nebula_tokens.token_of(call, provisioner, wanted)


def by_oauth(call: "Invocation", provisioner: "Provisioner") -> str:
    """The ID token of an OpenID provider, fetched as `oauth` does."""
    import contextlib
    import io

    from newel.cli.main import dispatch

    words = ["oauth", "--oidc", "--bare", "--provider", str(provisioner["configurationEndpoint"])]
    words += ["--client-id", str(provisioner["clientID"])]
    if provisioner.get("clientSecret"):
        words += ["--client-secret", str(provisioner["clientSecret"])]
    if provisioner.get("listenAddress"):
        words += ["--listen", str(provisioner["listenAddress"])]
    for scope in provisioner.get("scopes") or []:
        words += ["--scope", str(scope)]
    for parameter in provisioner.get("authParams") or []:
        words += ["--auth-param", str(parameter)]
    if call.known("console") and call.on("console"):
        words.append("--console")
    answer = io.StringIO()
    with contextlib.redirect_stdout(answer):
        status = dispatch(words)
    if status:
        raise CliError("no token came from the OpenID provider")
    return answer.getvalue().strip()
