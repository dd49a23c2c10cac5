"""One-time tokens: signed here by a provisioner's key, or brought from where the provisioner trusts.

The key of a JWK provisioner is kept by the authority, encrypted; the password that opens it never leaves
this process.
"""

import base64
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.tokens.signed_tokens import TokenRequest, sign
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.crypto.keys import PrivateKey

PROMPT = "Please enter the password to decrypt the provisioner key"


def token_of(options: "TokenOptions", provisioner: "Provisioner", wanted: TokenRequest) -> str:
    """Return a token for this provisioner. Raises CliError for kinds that have none."""
    kind = str(provisioner.get("type"))
    if kind == "JWK":
        key, kid = provisioner_key(options, provisioner)
        return sign(wanted, key, kid=kid, issuer=str(provisioner["name"]))
    proofs = {"X5C": by_certificate, "SSHPOP": by_ssh_certificate, "Nebula": by_nebula}
    if kind in proofs:
        return proofs[kind](options, provisioner, wanted)
    if kind == "K8sSA":
        return read(str(options.k8ssa_token_path)).decode().strip()
    if kind == "OIDC":
        return by_oauth(options, provisioner)
    if kind in {"AWS", "GCP", "Azure"}:
        from newel.cli.operations.tokens import cloud_tokens

        return cloud_tokens.token_of(provisioner, wanted.subject, wanted.audience)
    raise CliError(f"step {kind} provisioners do not support token auth flows")


def provisioner_key(
    options: "TokenOptions", provisioner: "Provisioner"
) -> tuple["PrivateKey", str]:
    """Return the private key of a JWK provisioner and its id: of --key, or the escrowed one."""
    from newel.cli.jose import jwk_files
    from newel.crypto.keys import PrivateKey

    kid = str(provisioner.get("key", {}).get("kid", ""))
    if options.key:
        from newel.cli.operations.keys.signing_keys import signing_key

        return signing_key(options.key, options.password_file, options.kms), kid
    sealed = str(provisioner.get("encryptedKey") or "")
    if not sealed:
        raise CliError(
            "the provisioner's key is not kept by the authority: name its file by '--key'"
        )
    jwk = jwk_files.parse(
        sealed.encode(),
        "the provisioner key",
        options.password_file,
        PROMPT,
        f"--{options.password_flag} FILE",
    )
    key = jwk_files.key_of(jwk, "the provisioner key")
    if not isinstance(key, PrivateKey):
        raise CliError("the provisioner's key is no private key")
    return key, kid


def by_certificate(
    options: "TokenOptions", provisioner: "Provisioner", wanted: TokenRequest
) -> str:
    """Return a token signed by the key of a certificate the provisioner's roots vouch for."""
    from newel.cli.operations.certificates.sources import from_file
    from newel.cli.operations.keys.signing_keys import signing_key

    require = options.authority.require
    certificate = require(options.x5c_cert, "x5c-cert")
    key_file = require(options.x5c_key, "x5c-key")
    files = [certificate, *options.x5c_chain]
    chain = [one.der for name in files for one in from_file(name, options.kms)]
    key = signing_key(key_file, options.password_file, options.kms)
    check_pair(chain[0], key, certificate, key_file)
    member = "x5cInsecure" if options.x5c_insecure else "x5c"
    header = {member: [base64.b64encode(der).decode() for der in chain]}
    name = str(provisioner["name"])
    return sign(wanted, key, kid=key_file, issuer=name, fragment=f"#x5c/{name}", header=header)


def check_pair(leaf: bytes, key: "PrivateKey", certificate: str, key_file: str) -> None:
    """Refuse a key that is not the certificate's, before the authority does with fewer words."""
    from newel.crypto import loading

    if loading.load_certificate(leaf).public_key() != key.public_key():
        raise CliError(f"the key {key_file} is not the key of the certificate {certificate}")


def by_ssh_certificate(
    options: "TokenOptions", provisioner: "Provisioner", wanted: TokenRequest
) -> str:
    """Return a token signed by the key of an SSH host certificate: renew, rekey and revoke only."""
    from newel.cli.operations.keys.signing_keys import signing_key
    from newel.jose import jwk

    require = options.authority.require
    certificate = require(options.sshpop_cert, "sshpop-cert")
    key_file = require(options.sshpop_key, "sshpop-key")
    words = read(certificate).split()
    if len(words) < 2 or b"-cert-v01@openssh.com" not in words[0]:
        raise CliError(f"error parsing {certificate}: it is no SSH certificate")
    name = str(provisioner["name"])
    key = signing_key(key_file, options.password_file, options.kms)
    return sign(
        wanted,
        key,
        kid=jwk.from_public_key(key.public_key()).kid or "",
        issuer=name,
        fragment=f"#sshpop/{name}",
        header={"sshpop": words[1].decode()},
    )


def by_nebula(options: "TokenOptions", provisioner: "Provisioner", wanted: TokenRequest) -> str:
    """Return a token signed by the key of a host in a Nebula network."""
    from newel.cli.operations.tokens import nebula_tokens

    return nebula_tokens.token_of(options, provisioner, wanted)


def by_oauth(options: "TokenOptions", provisioner: "Provisioner") -> str:
    """Return the ID token of an OpenID provider, where the person signs in. Raises CliError."""
    from newel.cli.operations.oauth import sign_in

    members = {
        "client_secret": "clientSecret",
        "listen": "listenAddress",
        "scope": "scopes",
        "auth_param": "authParams",
    }
    usual = options.sign_in() if options.sign_in else sign_in.SignInOptions()
    wanted = usual._replace(
        provider=str(provisioner["configurationEndpoint"]),
        client_id=str(provisioner["clientID"]),
        console=options.console or usual.console,
        **{field: provisioner[name] for field, name in members.items() if provisioner.get(name)},
    )
    token = sign_in.of_person(wanted).tokens["id_token"]
    if not token:
        raise CliError("the provider's answer holds no such token")
    return str(token)
