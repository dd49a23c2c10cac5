"""ca.json mapped onto the configuration models of the services."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from newel.durations.go import parse_duration
from newel.issuing.config import Config as IssuingConfig
from newel.registration.config import Config as RegistrationConfig
from newel.runtime.config import ConfigError, validate
from newel.signer.config import Config as SignerConfig
from newel.standalone.settings import Settings
from newel.standalone.ssh_settings import configure_ssh
from newel.step.cipher_suites import to_openssl
from newel.step.messages import TLSOptions
from newel.validation.config import Config as ValidationConfig

USUAL = dt.timedelta(days=90)
"""How long a certificate may be valid; longer where a provisioner's claims say so."""

KEPT = dt.timedelta(days=7)
"""How long the status of an expired certificate is kept at least."""

KEY = "intermediate"
RESPONDER = "ocsp"


def configure_signer(settings: Settings) -> SignerConfig:
    """Configure the intermediate's key for certificates and CRLs, the responder's for OCSP, SSH keys if any."""
    layout = settings.layout
    password = settings.password_file
    keys: list[dict[str, Any]] = [
        {
            "name": KEY,
            "store": settings.key_store(settings.ca.key, password),
            "certificate": settings.ca.crt,
            "certificates": _certificate_rules(settings),
            "crls": {},
        },
        {
            "name": RESPONDER,
            "store": {"kind": "file", "path": layout.responder_key, "password_file": password},
            "certificate": layout.responder_certificate,
            "ocsp": {"issuer_certificate": settings.ca.crt},
        },
    ]
    keys += [
        {
            "name": name,
            "store": settings.key_store(key, password),
            "certificate": certificate,
            "crls": {},
            "ocsp": {"issuer_certificate": certificate},
        }
        for name, certificate, key in settings.former_issuers
    ]
    ssh = settings.ca.ssh
    host_password, user_password = layout.given_ssh_passwords or (password, password)
    if ssh:
        longest = configure_registration(settings).max_ssh_durations()
        keys += [
            {
                "name": f"ssh-{kind}",
                "store": settings.key_store(path, own),
                "ssh": {
                    "certificate_type": kind,
                    "max_validity": longest[kind],
                    "revocation_lists": f"ssh-{kind}" == krl_key(settings),
                },
            }
            for kind, path, own in (
                ("host", ssh.host_key, host_password),
                ("user", ssh.user_key, user_password),
            )
            if path
        ]
    return validate(SignerConfig, merge({"keys": keys}, settings.newel.signer), "signer")


def krl_key(settings: Settings) -> str:
    """Return the signer's name for the key that signs key revocation lists; "" without SSH.

    It is the one that hosts trust, where there is one.
    """
    ssh = settings.ca.ssh
    if ssh is None:
        return ""
    return "ssh-user" if ssh.user_key else "ssh-host" if ssh.host_key else ""


def _certificate_rules(settings: Settings) -> dict[str, Any]:
    """Configure what the intermediate's key signs: everything that the two services before it may accept."""
    front = configure_registration(settings)
    rules = configure_issuing(settings).certificate_rules()
    return {
        **rules,
        "max_validity": max(USUAL, front.max_duration(), rules["max_validity"]),
        "latest_start": max(front.latest_start, rules["latest_start"]),
    }


def has_templates(settings: Settings) -> bool:
    """Tell whether an administrator's template may say what certificates contain, now or later."""
    records = configure_registration(settings).records()
    own = any((each.options or {}).get("x509") for each in records)
    return own or bool(settings.authority.enable_admin)


def configure_issuing(settings: Settings) -> IssuingConfig:
    """Configure the issuer and earlier ones; the URLs in certificates lead to the plain HTTP address."""
    base = settings.http_url
    urls = (
        {
            "ocsp": f"{base}/ocsp",
            "ca_issuers": f"{base}/ca/{{issuer}}.cer",
            "crl": f"{base}/crl/{{issuer}}.crl",
        }
        if base
        else {}
    )
    if _crl_shards(settings):
        urls["crl"] = f"{base}/crl/{{issuer}}/{{shard}}.crl"
    elif settings.crl_url:
        urls["crl"] = settings.crl_url
    front, root = configure_registration(settings), settings.ca.roots
    asked = ["*"] if has_templates(settings) else []
    data = {
        "profiles": {
            "leaf": {
                "max_duration": max(USUAL, front.max_duration()),
                "backdate": front.backdate,
                "latest_start": front.latest_start,
                # a template is an administrator's word, and step-ca gives what it says
                "caller_extensions": asked,
                "caller_usages": asked,
                "allow_underscores": any(
                    each.newel and each.newel.allow_underscores for each in front.records()
                ),
            },
            "server": {
                "provisioner_extension": False,
                "backdate": front.backdate,
                "allow_underscores": True,  # the operator's own names, from dnsNames
            },
        },
        "issuers": [
            {"key": KEY, "certificate_file": settings.ca.crt, "root_file": root},
            *(
                {"key": name, "certificate_file": certificate, "root_file": root, "active": False}
                for name, certificate, _ in settings.former_issuers
            ),
        ],
        "urls": urls,
        "ssh_issuers": _ssh_issuers(settings, front.max_ssh_durations()),
    }
    return validate(IssuingConfig, merge(data, settings.newel.issuing), "issuing")


def _crl_shards(settings: Settings) -> int:
    """Return into how many shards the CRL is divided that certificates name; 0 for not at all.

    Raises ConfigError where no client would find them.
    """
    named = settings.newel.issuing.get("urls", {}).get("crl_shards") or 0
    place = f"{settings.layout.ca_json}: newel.issuing.urls.crlShards"
    if named and settings.crl_url:
        raise ConfigError(f"{place}: crl.idpURL names one list, and shards are many")
    if named and not settings.http_url:
        raise ConfigError(
            f"{place}: without a plain HTTP address there are no lists that certificates could name"
        )
    return named


def _ssh_issuers(
    settings: Settings, longest: Mapping[str, dt.timedelta]
) -> list[dict[str, object]]:
    ssh = settings.ca.ssh
    paths = {"user": ssh.user_key, "host": ssh.host_key} if ssh else {}
    return [
        {"key": f"ssh-{kind}", "type": kind, "max_validity": longest[kind]}
        for kind, path in paths.items()
        if path
    ]


def configure_registration(settings: Settings) -> RegistrationConfig:
    """Provisioners, claims and names as ca.json has them."""
    ca, authority = settings.ca, settings.authority
    data: dict[str, Any] = {
        "dns_names": settings.dns_names,
        "provisioners": tuple(authority.provisioners or ()),
        "claims": settings.raw["authority"].get("claims") or {},
        "policy": settings.raw["authority"].get("policy") or {},
        "subject": settings.raw["authority"].get("template") or {},
        "tls": settings.raw.get("tls") or {},
        "backdate": authority.backdate_duration,
        "roots": settings.ca.roots,
        "federated_roots": tuple(ca.federated_roots or ()),
        "scep": {"key_password_file": settings.password_file},
    }
    if ca.ssh or authority.disable_get_ssh_hosts:
        data["ssh"] = configure_ssh(settings)
    if authority.enable_admin:
        data["remote_management"] = True
    if authority.authority_id:
        data["authority_id"] = authority.authority_id
    if settings.http_url:
        data["crl"] = f"{settings.http_url}/crl/{{issuer}}.crl"
    if ca.common_name:
        data["server_certificate"] = {"common_name": ca.common_name}
    given = merge(data, settings.newel.registration)
    if settings.layout.given_acme:
        given = merge(given, {"acme": {**settings.layout.given_acme}})
    return validate(RegistrationConfig, given, "registration")


def tls_versions(settings: Settings) -> tuple[float, float]:
    """Return the versions of TLS that are served. Raises ConfigError."""
    tls = settings.ca.tls or TLSOptions()
    if tls.min_version > tls.max_version:
        raise ConfigError(f"{settings.layout.ca_json}: tls: minVersion is above maxVersion")
    return tls.min_version, tls.max_version


def cipher_suites(settings: Settings) -> tuple[str, ...]:
    """Return OpenSSL's names of the suites of TLS 1.2 that are served; () for the library's own."""
    return to_openssl((settings.ca.tls and settings.ca.tls.cipher_suites) or ())


def configure_validation(settings: Settings) -> ValidationConfig:
    """Status of the issuer by its delegated responder, of those before it by their own keys."""
    issuer = {
        "certificate_file": settings.ca.crt,
        "crl_key": KEY,
        "responder_key": RESPONDER,
        "responder_certificate_file": settings.layout.responder_certificate,
        "crl_url": settings.crl_url,
    }
    data: dict[str, Any] = {
        "issuers": [
            issuer,
            # a former one answers by its own key: its responder's certificate is renewed by no client
            *(
                {"certificate_file": certificate, "crl_key": name, "active": False}
                for name, certificate, _ in settings.former_issuers
            ),
        ],
        "roots_file": settings.ca.roots,
        "crl_files": [
            {
                "certificate_file": settings.ca.roots,
                "chain_file": settings.ca.crt,
                "crl_file": settings.layout.root_crl,
            }
        ],
        "http": {"base_path": urlsplit(settings.http_url).path},
    }
    if krl_key(settings):
        data["ssh"] = {"krl_key": krl_key(settings)}
    data["crl"] = _configure_crls(settings)
    crl = settings.ca.crl
    if crl and (crl.cache_duration or crl.renew_period):
        validity = parse_duration(crl.cache_duration or "24h")
        period = parse_duration(crl.renew_period) if crl.renew_period else validity / 3
        if period >= validity:
            raise ConfigError(
                f"{settings.layout.ca_json}: crl.renewPeriod: it must be shorter than crl.cacheDuration"
            )
        data["crl"] |= {"validity": validity, "period": period}
        data["reconcile"] = {"keep_expired": max(KEPT, 2 * period)}
    config = validate(ValidationConfig, merge(data, settings.newel.validation), "validation")
    named = _crl_shards(settings)
    if named and named not in config.crl.shards:
        raise ConfigError(
            f"{settings.layout.ca_json}: newel.validation.crl.shards: certificates name shards of a division"
            f" into {named} (newel.issuing.urls.crlShards), which is not published"
        )
    return config


def _configure_crls(settings: Settings) -> dict[str, Any]:
    """Configure that the shards are published which certificates name, and by the same URL."""
    named = _crl_shards(settings)
    url = {"url": f"{settings.http_url}/crl"} if settings.http_url else {}
    return {**url, **({"shards": [named]} if named else {})}


def check(settings: Settings) -> None:
    """Check the whole file before any of it takes effect. Raises ConfigError."""
    configure_signer(settings)
    configure_validation(settings)
    tls_versions(settings)
    profiles, front = configure_issuing(settings).profiles, configure_registration(settings)
    for index, record in enumerate(front.records()):
        wanted = record.newel.profile if record.newel else ""
        if wanted and wanted not in profiles:
            raise ConfigError(
                f"{settings.layout.ca_json}: authority.provisioners[{index}].newel.profile: there is no"
                f" profile {wanted!r}; newel.issuing.profiles has {', '.join(profiles)}"
            )


def merge(ours: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Merge the newel section over what is derived from the rest."""
    result = dict(ours)
    for key, value in given.items():
        known = result.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            value = merge(cast("dict[str, Any]", known), cast("dict[str, Any]", value))  # noqa: PLW2901 - the merged value
        result[key] = value
    return result
