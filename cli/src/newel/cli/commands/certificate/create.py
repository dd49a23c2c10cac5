"""`newel certificate create`: a certificate, an authority or a request with a new or a given key."""

import datetime as dt
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.certificates import builder, issuers, sources, validity
from newel.cli.operations.keys import key_choice, key_files, key_output, kms, signing_keys
from newel.cli.operations.template_data import TemplateData
from newel.cli.options.groups import key_options, password_options, select
from newel.cli.store import atomic_write
from newel.crypto import keys
from newel.crypto.remote_keys import is_remote

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateCreateOptions
    from newel.crypto.keys import PrivateKey, PublicKey

LEAF, SELF_SIGNED = "leaf", "self-signed"
INTERMEDIATE, ROOT = "intermediate-ca", "root-ca"
LENGTHS = {
    LEAF: builder.DAY,
    SELF_SIGNED: builder.DAY,
    INTERMEDIATE: builder.TEN_YEARS,
    ROOT: builder.TEN_YEARS,
}
Times = tuple[dt.datetime | None, dt.datetime | None]


def run(options: "CertificateCreateOptions") -> None:
    """Create what the flags ask for and write it, with its key unless that was given."""
    words = options.positionals(2 if options.key else 3, 3)
    subject, target, key_file = words[0], words[1], (words[2:] or [""])[0]
    if options.no_password and not options.insecure:
        raise UsageError("flag '--no-password' requires the '--insecure' flag")
    if target == key_file:
        raise UsageError(
            "positional arguments <<crt-file>> and <<key-file>> cannot be equal "
            f"in '{options.command.usage}'"
        )
    times = validity.resolve_both(options.not_before, options.not_after)
    check_flags(options)
    key = read_key(options) or key_choice.generate(key_choice.choose(key_options(options)))
    if options.template:
        from newel.cli.operations.certificates import templated

        data = TemplateData(options.set_, options.set_file)
        wanted = select(templated.CreationOptions, options, template=options.template, data=data)
        made = templated.create(wanted, key, subject, times)
    elif options.csr:
        made = request(options, key, subject)
    else:
        check_profile(options, key)
        made = certificate(options, key, subject, times)
    what = "certificate signing request" if options.csr else "certificate"
    save(options, (target, made), (key_file, key), what)


def check_flags(options: "CertificateCreateOptions") -> None:
    """Refuse flags that exclude each other, and what is not there."""
    for one, other in (("profile", "template"), ("csr", "skip-csr-signature")):
        if options.is_given(one) and options.is_given(other):
            raise UsageError(f"flag '--{one}' is incompatible with '--{other}'")
    if options.csr:
        excluded = ["bundle", "ca", "ca-key", "ca-password-file", "not-before", "not-after"]
        if profile_of(options) != LEAF:
            excluded.insert(1, "profile")
        for flag in excluded:
            if options.is_given(flag):
                raise UsageError(f"flag '--{flag}' is incompatible with '--csr'")


def profile_of(options: "CertificateCreateOptions") -> str:
    """Return the name of the profile. Raises UsageError for an unknown one."""
    profile = options.profile or LEAF
    if profile not in LENGTHS:
        raise UsageError(
            f"invalid value '{profile}' for flag '--profile'; "
            "options are leaf, intermediate-ca, root-ca, self-signed"
        )
    return profile


def read_key(options: "CertificateCreateOptions") -> "PrivateKey | PublicKey | None":
    """Return the key of --key, None without one."""
    name = options.key
    if name is None:
        return None
    for flag in ("kty", "crv", "size"):
        if options.is_given(flag):
            raise UsageError(f"flag '--key' is incompatible with '{flag}'")
    if options.kms or kms.is_uri(name):
        return signing_keys.signing_key(name, service=options.kms)
    key = key_files.load(name, options.password_file).key
    if isinstance(key, bytes):
        raise UsageError(
            f"invalid value '{name}' for flag '--key'; the given key cannot sign X509 certificates"
        )
    return key


def check_profile(options: "CertificateCreateOptions", key: "PrivateKey | PublicKey") -> None:
    """Refuse flags that do not go with the profile or with a public key."""
    profile = profile_of(options)
    if options.bundle and profile != LEAF:
        raise UsageError(f"flag '--bundle' is incompatible with flag '--profile {profile}'")
    if profile == SELF_SIGNED and not options.subtle:
        raise UsageError("'--profile self-signed' requires the '--subtle' flag")
    if not isinstance(key, keys.PrivateKey) and not options.skip_csr_signature:
        raise UsageError("flag '--skip-csr-signature' is required with a public key")
    for flag in ("ca", "ca-key"):
        if profile in {LEAF, INTERMEDIATE} and not options.get(flag):
            raise UsageError(f"'--profile {profile}' requires the '--{flag}' flag")
        if profile in {ROOT, SELF_SIGNED} and options.get(flag):
            raise UsageError(f"flag '--{flag}' is incompatible with flag '--profile {profile}'")


def names_of(options: "CertificateCreateOptions", subject: str) -> list[str]:
    """Return the names of --san, else the subject where it can be one."""
    return options.san or ([subject] if builder.is_name(subject) else [])


def request(
    options: "CertificateCreateOptions", key: "PrivateKey | PublicKey", subject: str
) -> bytes:
    """Return the request in PEM."""
    from newel.cli.operations import certificate_requests

    if not isinstance(key, keys.PrivateKey):
        raise UsageError("invalid value for flag --key: a private key is required")
    return certificate_requests.make(key, subject, names_of(options, subject)).encode()


def certificate(
    options: "CertificateCreateOptions", key: "PrivateKey | PublicKey", subject: str, times: Times
) -> bytes:
    """Return the certificate in PEM, with --bundle its issuer's behind it."""
    profile = profile_of(options)
    public = key.public_key() if isinstance(key, keys.PrivateKey) else key
    spki, name = keys.spki(public), builder.subject(subject)
    start, end = validity.complete(options.not_after, *times, LENGTHS[profile])
    if profile in {LEAF, SELF_SIGNED}:
        extensions = builder.leaf_extensions(spki, name, names_of(options, subject))
    else:
        extensions = builder.authority_extensions(1 if profile == ROOT else 0)
    wanted = builder.CertificateSpec(name, spki, start, end, extensions)
    if profile in {ROOT, SELF_SIGNED}:
        if not isinstance(key, keys.PrivateKey):
            raise UsageError("invalid value for flag --key: a private key is required")
        own = keys.key_identifier(spki)
        return sources.pem(builder.issue(wanted, builder.Issuer(name, own, key))).encode()
    authority = issuers.first_certificate(options.require("ca"))
    password, service = options.ca_password_file, options.ca_kms
    issuer = issuers.issuer_of(authority, options.require("ca-key"), password, service)
    pem = sources.pem(builder.issue(wanted, issuer))
    return (pem + (sources.pem(authority.der) if options.bundle else "")).encode()


def save(
    options: "CertificateCreateOptions",
    made: tuple[str, bytes],
    key: "tuple[str, PrivateKey | PublicKey]",
    what: str,
) -> None:
    """Write both files or none, and say so."""
    targets = [atomic_write.Target(*made)]
    key_file, material = key
    kept = bool(key_file) and isinstance(material, keys.PrivateKey) and not is_remote(material)
    if kept and isinstance(material, keys.PrivateKey):
        password = key_output.new_password(password_options(options))
        targets.append(atomic_write.Target(key_file, key_output.private_pem(material, password)))
    atomic_write.allow([target.name for target in targets], force=options.force)
    atomic_write.write_all(targets)
    note(f"Your {what} has been saved in {made[0]}.")
    if kept:
        note(f"Your private key has been saved in {key_file}.")
