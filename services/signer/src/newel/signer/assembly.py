"""The role of a configured key: its open key, its certificate and its rules.

The key of a root, which is a certificate that names itself as its issuer, is never loaded by a running
service.
"""

from functools import partial
from pathlib import Path

from newel.crypto import keys
from newel.crypto.keys import InvalidKeyError
from newel.crypto.ssh import detached, signatures
from newel.crypto.ssh.public_keys import wire_of
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError
from newel.runtime.system_errors import describe
from newel.signer.certificate_policy import CertificatePolicy, CertificateRules
from newel.signer.config import CertificateRulesConfig, KeyConfig
from newel.signer.issuer import Issuer, read_issuer
from newel.signer.keys import SigningKey
from newel.signer.keystore.opening import Monitor, open_key
from newel.signer.krl_statements import check_krl, parse_krl
from newel.signer.metrics import Metrics
from newel.signer.name_rules import name_bounds
from newel.signer.roles import Role, Rule
from newel.signer.ssh_policy import SSHPolicy
from newel.signer.ssh_statements import parse_ssh
from newel.signer.statements import Kind, parse_certificate, parse_crl, parse_ocsp
from newel.signer.status_policy import CRLPolicy, OCSPPolicy

_MAX_CERTIFICATE_FILE = 1 << 20


def make_role(config: KeyConfig, clock: Clock, metrics: Metrics) -> Role:
    """Open a key and make its role.

    Raises :class:`ConfigError`, and ``KeyUnavailableError`` for a missing token.
    """
    try:
        key = open_key(config.store, Monitor(config.name, clock, metrics))
    except (OSError, InvalidKeyError) as error:
        raise ConfigError(f"key {config.name}: {_reason(error)}") from None
    return bind(config, key)


def bind(config: KeyConfig, key: SigningKey) -> Role:
    """Make the role of an open key. Raises :class:`ConfigError`."""
    try:
        if config.certificate is None:
            return Role(config.name, key, _ssh_rules(config, key))
        issuer = _read_certificate(config.certificate)
        _check_key_of(key, issuer)
        _check_size(config, key)
        return Role(config.name, key, _rules(config, key, issuer), issuer.der)
    except (OSError, ValueError) as error:
        raise ConfigError(f"key {config.name}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return describe(error) if isinstance(error, OSError) else str(error)


def _read_certificate(path: Path) -> Issuer:
    with path.open("rb") as file:
        text = file.read(_MAX_CERTIFICATE_FILE)
    try:
        return read_issuer(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check_key_of(key: SigningKey, issuer: Issuer) -> None:
    if issuer.is_root:
        raise ValueError("its certificate is a root's, and no service runs with a root's key")
    if keys.spki(key.public_key) != keys.spki(issuer.public_key):
        raise ValueError("the key is not its certificate's")


def _check_size(config: KeyConfig, key: SigningKey) -> None:
    if config.crls and key.max_body is not None:
        raise ValueError(
            f"its service signs at most {key.max_body} octets with an Ed25519 key, and a revocation list is"
            " longer: use a P-256 key for crls"
        )


def _rules(config: KeyConfig, key: SigningKey, issuer: Issuer) -> dict[Kind, Rule]:
    algorithm = keys.signature_algorithm(key.public_key)
    rules: dict[Kind, Rule] = {}
    if config.certificates:
        leaf = CertificatePolicy(issuer, algorithm, _certificate_rules(config.certificates))
        rules[Kind.CERTIFICATE] = Rule(parse_certificate, leaf.check)
    if config.crls:
        crl = CRLPolicy(issuer, algorithm, config.crls.max_validity)
        rules[Kind.CRL] = Rule(parse_crl, crl.check)
    if config.ocsp:
        answered = _read_certificate(config.ocsp.issuer_certificate)
        ocsp = OCSPPolicy(issuer, answered, config.ocsp.max_validity)
        rules[Kind.OCSP] = Rule(parse_ocsp, ocsp.check)
    return rules


def _ssh_rules(config: KeyConfig, key: SigningKey) -> dict[Kind, Rule]:
    if config.ssh is None:
        return {}
    rules = config.ssh
    policy = SSHPolicy(
        wire_of(key.public_key), rules.certificate_type, rules.max_validity, rules.latest_start
    )
    found = {Kind.SSH: Rule(parse_ssh, policy.check, partial(signatures.encode, key.public_key))}
    if rules.revocation_lists:
        space = detached.KRL_NAMESPACE
        found[Kind.KRL] = Rule(
            parse_krl,
            check_krl,
            partial(detached.encode, key.public_key, space),
            partial(detached.frame, space),
        )
    return found


def _certificate_rules(config: CertificateRulesConfig) -> CertificateRules:
    return CertificateRules(
        config.max_validity,
        config.latest_start,
        frozenset(config.extended_key_usages),
        config.require_extended_key_usage,
        frozenset(config.critical_extensions),
        frozenset(config.other_extensions),
        name_bounds(config.permitted_names, config.excluded_names),
    )
