"""`newel crypto jwk create`: a key pair as JWK files, the private one encrypted."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.jose import jose_key, jose_keys, jwk_files
from newel.cli.jose.jose_algorithms import default_algorithm
from newel.cli.operations.keys import key_choice, key_files, key_material
from newel.cli.operations.keys.key_output import json_text, new_password, write_pair
from newel.cli.options.groups import password_options
from newel.cli.store.files import write
from newel.crypto.keys import PublicKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwk import CryptoJWKCreateOptions


KINDS = ("EC", "RSA", "OKP", "oct")
SMALLEST_OCT, DEFAULT_OCT, LARGEST_OCT = 16, 32, 1 << 16


def run(call: "CryptoJWKCreateOptions") -> None:
    """Make a key, or take that of a PEM file, and write its public and private JWK."""
    public_file, private_file = call.positionals(2)
    if public_file == private_file:
        raise UsageError(
            "positional arguments <public-jwk-file> and <private-jwk-file> cannot be equal in "
            f"'{call.command.usage}'"
        )
    check(call)
    source = call.from_pem
    key, extra = from_pem(source) if source else (generate_key(call), {})
    jwk = describe_key(call, key, from_file=source is not None) | extra
    public = json_text(jwk_files.public_of(jwk))
    if isinstance(key, PublicKey):
        write(public_file, public, force=call.force)
        note(f"Your public key has been saved in {public_file}.")
        note("Only the public JWK was generated.")
        note("Cannot retrieve a private key from a public one.")
        return
    password = new_password(
        password_options(call), "Please enter the password to encrypt the private JWK"
    )
    private = json_text(jwk) if password is None else jwk_files.encrypt(jwk, password)
    write_pair((public_file, private_file), public, private, force=call.force, json=call.json)


def check(call: "CryptoJWKCreateOptions") -> None:
    """Refuse flags that do not go together before anything is asked or made."""
    kty = call.kty or "EC"
    if kty not in KINDS:
        raise UsageError(
            f"invalid value '{kty}' for flag '--kty'; options are EC, RSA, OKP, or oct"
        )
    unfit = "crv" if kty in {"RSA", "oct"} else "size"
    if call.is_settled(unfit):
        raise UsageError(f"flag '--{unfit}' is incompatible with '--kty {kty}'")
    if call.no_password:
        new_password(password_options(call))
    if call.use == "enc" and kty == "OKP":
        raise CliError("invalid algorithm: Ed25519 cannot be used for encryption")


def generate_key(call: "CryptoJWKCreateOptions") -> key_material.Material:
    """Return a new key of the kind that is asked for."""
    kty, crv = call.kty or "EC", call.crv or ""
    if kty == "oct":
        return key_choice.generate_octets(octets(call))
    if kty == "RSA":
        size = key_choice.rsa_size(call.size, insecure=call.insecure)
        return key_choice.generate(key_choice.KeyChoice("RSA", "", size))
    options = key_choice.CURVES if kty == "EC" else ("Ed25519",)
    if crv and crv not in options:
        raise CliError(f"invalid value for argument crv (crv: '{crv}')")
    return key_choice.generate(key_choice.KeyChoice(kty, crv or options[0], 0))


def octets(call: "CryptoJWKCreateOptions") -> int:
    """Return how many octets a symmetric key gets."""
    size = call.integer("size", DEFAULT_OCT)
    if size < SMALLEST_OCT and not call.insecure:
        raise UsageError(
            f"flag '--size' requires at least {SMALLEST_OCT} unless '--insecure' flag is provided"
        )
    if not 0 < size <= LARGEST_OCT:
        raise UsageError("flag '--size' must be greater than or equal to 0")
    return size


def from_pem(name: str) -> tuple[key_material.Material, dict[str, Any]]:
    """Return the key in a PEM file; a certificate comes along as ``x5c``."""
    from newel.cli.store.files import read

    data = read(name)
    key = key_files.from_pem(data, name, single=True)
    block = key_files.key_blocks(data, name)[0]
    if block.label != "CERTIFICATE":
        return key, {}
    import base64

    return key, {"x5c": [base64.b64encode(block.content).decode()]}


def describe_key(
    call: "CryptoJWKCreateOptions", key: key_material.Material, *, from_file: bool
) -> jwk_files.Jwk:
    """Return the JWK with use, algorithm and id, if they fit the key."""
    use, alg = call.use or "", call.alg or ""
    fixed = default_algorithm(key, "" if from_file else use, fixed_only=from_file)
    alg = (fixed or alg) if from_file else (alg or fixed)
    jwk = jwk_files.of_key(key, use=use, alg=alg)
    if kid := call.kid:
        jwk["kid"] = kid
    elif not isinstance(key, bytes):
        # the hash of a symmetric key would tell something about it
        jwk["kid"] = jwk_files.thumbprint(jwk)
    jwk = jwk_files.sort_members(jwk)
    jose_keys.validate(jose_key.JOSEKey(key, jwk))
    return jwk
