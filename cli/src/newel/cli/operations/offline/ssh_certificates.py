"""SSH certificates without the running authority: new ones, and successors of hosts' certificates."""

import secrets
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.offline import rules, ssh_keys, ssh_templates
from newel.cli.operations.offline.authority_files import AuthorityFiles
from newel.cli.operations.ssh.ssh_options import SIGNERS_OFFLINE
from newel.cli.operations.tokens import provisioner_choice
from newel.client.clock import now
from newel.client.ssh_calls import IssuedSSHCertificate
from newel.crypto.ssh import certificate_body, public_keys
from newel.crypto.ssh.certificate_body import Body
from newel.crypto.ssh.certificates import FOREVER, moment
from newel.crypto.ssh.public_keys import wire_of

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.ssh.ssh_options import CertificateRequest, SSHOptions
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.crypto.keys import PrivateKey

BOUNDS = {"user": "UserSSH", "host": "HostSSH"}
SMALLEST_RSA = 2048


def ssh_rules(
    authority: "AuthorityOptions", provisioner: "provisioner_choice.Provisioner"
) -> rules.Rules:
    """Return the rules for SSH certificates of this provisioner. Raises CliError where it may have none."""
    found = rules.rules_for(AuthorityFiles.read(authority.configuration), provisioner)
    kind, name = provisioner.get("type"), provisioner.get("name")
    if kind not in SIGNERS_OFFLINE:
        raise CliError(f"{kind} provisioners need the running authority: ask without --offline")
    if not found.claims["enableSSHCA"]:
        raise CliError(f"SSH is not enabled for the provisioner '{name}'")
    found.check_issuance("ssh")
    return found


def sign(
    options: "SSHOptions",
    found: rules.Rules,
    wanted: "CertificateRequest",
    public_key: bytes,
    token: str,
) -> IssuedSSHCertificate:
    """Return a certificate for this key, for which the provisioner's token vouches. Raises CliError."""
    from newel.durations.go import TimeDuration

    check_key(public_key)
    time = now()
    begin, end = (
        TimeDuration.parse(text).resolve(time) for text in (wanted.valid_after, wanted.valid_before)
    )
    latest = rules.end_of_credential(options.tokens, found.provisioner)
    content = ssh_templates.content(options.template_data, found.provisioner, wanted, token)
    start, end = found.validity(BOUNDS[content.type], time, begin, end, latest)
    body = Body(
        public_key,
        new_serial(),
        certificate_body.holder(content.type, content.key_id, content.principals),
        int(start.timestamp()),
        int(end.timestamp()),
        certificate_body.rights(content.critical_options, content.extensions),
    )
    return issue(body, ssh_keys.load_key(options.tokens, found.files, content.type))


def renew(
    tokens: "TokenOptions", certificate_file: str, key_file: str, new_key: bytes = b""
) -> IssuedSSHCertificate:
    """Return the successor of a host's certificate, for its own key or for ``new_key``. Raises CliError."""
    from newel.cli.operations.keys.key_files import private_key
    from newel.cli.operations.ssh.certificate_files import certificate_of

    files = AuthorityFiles.read(tokens.authority.configuration)
    old = certificate_of(certificate_file)
    if old.kind != "host" or old.valid_before == FOREVER:
        raise CliError("only certificates of hosts, which have an end, are renewed")
    found = rules.rules_for(
        files, provisioner_choice.choose(tokens, files.provisioners, ("SSHPOP",))
    )
    if wire_of(private_key(key_file, tokens.password_file)) != old.public_key:
        raise CliError(f"the key {key_file} is not the key of the certificate {certificate_file}")
    time = now()
    found.check_renewal(moment(old.valid_after), moment(old.valid_before), time)
    if new_key:
        check_key(new_key)
    authority = ssh_keys.load_key(tokens, files, "host")
    check_signature(old.wire, authority)
    start = int((time - found.backdate).timestamp())
    successor = Body.of(old.wire)._replace(
        key=new_key or old.public_key,
        serial=new_serial(),
        valid_after=start,
        valid_before=start + old.valid_before - old.valid_after,
    )
    return issue(successor, authority)


def issue(body: Body, authority: "PrivateKey") -> IssuedSSHCertificate:
    """Sign the body and return the running authority's answer."""
    return IssuedSSHCertificate(
        body.sign(authority, secrets.token_bytes(certificate_body.NONCE)), b"", []
    )


def check_key(wire: bytes) -> None:
    """Refuse a key no authority certifies. Raises UsageError."""
    kind, size = public_keys.kind_and_size(wire)
    if kind == "DSA":
        raise UsageError("ssh certificate key algorithm (DSA) is not supported")
    if kind == "RSA" and size < SMALLEST_RSA:
        raise UsageError(f"ssh certificate key must be at least {SMALLEST_RSA} bits")


def check_signature(wire: bytes, authority: "PrivateKey") -> None:
    """Refuse a certificate this key has not signed. Raises CliError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization

    try:
        parsed = serialization.load_ssh_public_identity(public_keys.write_line(wire))
        if isinstance(parsed, serialization.SSHCertificate):
            parsed.verify_cert_signature()
            if parsed.signature_key() == authority.public_key():
                return
    except (ValueError, InvalidSignature):
        pass
    raise CliError("the certificate was not issued by this authority")


def new_serial() -> int:
    """Return a serial number of 64 random bits; 0 is what ssh-keygen writes for none."""
    return secrets.randbits(64) or 1
