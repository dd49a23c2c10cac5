"""Every member of ca.json that is honoured reaches the service it is meant for."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.attestations import Maker
from fixtures.authority import EPOCH
from newel.crypto import distinguished_names, names
from newel.registration.policy.levels import Policies, check_ssh, check_x509
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.provisioners.jwk import JWKProvisioner
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.registration.provisioners.registry import Provisioners, load_entry
from newel.runtime.config import ConfigError
from newel.runtime.errors import NewelError
from newel.standalone import models
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, read_settings
from newel.step.ca_json_members import CA_JSON, SUBJECT
from newel.step.provisioner_members import members_of
from newel.step.treatment import Member, Treatment
from newel.step.webhooks import BasicAuth, read_webhooks

KEY = {"use": "sig", "kty": "EC", "kid": "k", "crv": "P-256", "alg": "ES256",
       "x": "n6q4zAThRNcX4KlQHq-Wk3OJpPGQM8FsSHPO7vjYV10",
       "y": "hK8Si2CLwRF5ApcWeqV74V6VBAU5MdbPVqq0JiEr3ag"}  # fmt: skip # a table
OTHER = KEY | {"kid": "other"}
BASE: dict[str, Any] = {
    "root": "r.crt", "crt": "i.crt", "key": "i.key", "address": ":9000", "insecureAddress": ":9080",
    "authority": {"provisioners": [
        {"type": "JWK", "name": "j", "key": KEY}, {"type": "ACME", "name": "a", "caaIdentities": ["ca.x"]},
    ]},
}  # fmt: skip # a table
TEMPLATE = '{"subject": {{ toJson .Subject }}}'


def settings_of(folder: Path, change: Callable[[dict[str, Any]], object]) -> Settings:
    layout = Layout(folder)
    layout.ca_json.parent.mkdir(exist_ok=True)
    ca = json.loads(json.dumps(BASE))
    change(ca)
    layout.ca_json.write_text(json.dumps(ca))
    settings = read_settings(layout)
    models.check(settings)
    return settings


def jwk(settings: Settings) -> JWKProvisioner:
    found = provisioners(settings).by_name("j") or provisioners(settings).by_name("other")
    assert isinstance(found, JWKProvisioner)
    return found


def acme(settings: Settings) -> ACMEProvisioner:
    found = provisioners(settings).by_name("a")
    assert isinstance(found, ACMEProvisioner)
    return found


def provisioners(settings: Settings) -> Provisioners:
    config = models.configure_registration(settings)
    context = ProvisionerContext(config.limits(), config.active_revocation)
    return Provisioners(load_entry(each, context) for each in config.records())


def leaf(settings: Settings) -> Any:
    return models.configure_issuing(settings).profiles["leaf"]


Effect = tuple[Any, Callable[[Settings], Any]]
"""What the member is set to, and what must then be otherwise than without it."""

PROBES = {
    "cn": "A B",
    "dns": "a.test",
    "ip": "10.0.0.1",
    "email": "a@b.test",
    "uri": "https://a.test/",
}
HOSTS = {**PROBES, "uri": "a.test"}


def verdicts(policies: Policies) -> list[bool]:
    """Tell which of one name of each kind is allowed."""
    return [is_allowed(policies, kind, text) for kind, text in PROBES.items()]


def is_allowed(policies: Policies, kind: str, text: str) -> bool:
    subject = [distinguished_names.common_name(text)] if kind == "cn" else []
    try:
        check_x509([policies], [] if subject else [names.parse_san(text)], subject)
    except NewelError:
        return False
    return True


PRINCIPALS = {"dns": "a.test", "ip": "10.0.0.1", "email": "a@b.test", "principal": "root"}


def ssh_verdicts(policies: Policies) -> list[bool]:
    """Tell which of one principal of each kind is allowed, for users and for hosts."""
    return [
        is_principal_allowed(policies, kind, text)
        for kind in ("user", "host")
        for text in PRINCIPALS.values()
    ]


def is_principal_allowed(policies: Policies, kind: str, text: str) -> bool:
    try:
        check_ssh([policies], kind, [text])
    except NewelError:
        return False
    return True


def policy_effects(above: str, read: Callable[[Settings], Policies]) -> dict[str, Effect]:
    x509: dict[str, Effect] = {
        f"{above}policy.x509.{side}.{kind}": ([text], lambda s: verdicts(read(s)))
        for side in ("allow", "deny")
        for kind, text in HOSTS.items()
    }
    ssh: dict[str, Effect] = {
        f"{above}policy.ssh.{holder}.{side}.{kind}": ([text], lambda s: ssh_verdicts(read(s)))
        for holder in ("user", "host")
        for side in ("allow", "deny")
        for kind, text in PRINCIPALS.items()
    }
    return x509 | ssh


LIMITS: dict[str, Effect] = {
    "minTLSCertDuration": ("1h", lambda s: jwk(s).limits.min_duration),
    "maxTLSCertDuration": ("9000h", lambda s: (jwk(s).limits.max_duration, leaf(s).max_duration)),
    "defaultTLSCertDuration": ("12h", lambda s: jwk(s).limits.default_duration),
    "disableRenewal": (True, lambda s: jwk(s).may_renew),
    "allowRenewalAfterExpiry": (True, lambda s: jwk(s).limits.allow_renewal_after_expiry),
    "disableSmallstepExtensions": (True, lambda s: jwk(s).limits.include_extension),
    "enableSSHCA": (True, lambda s: jwk(s).limits.enable_ssh),
    **{
        f"{bound}{kind}SSHCertDuration": ("6h", lambda s: (
            jwk(s).limits.ssh_user, jwk(s).limits.ssh_host, models.configure_signer(s).keys[-2:],
        ))
        for bound in ("min", "max", "default")
        for kind in ("User", "Host")
    },
}  # fmt: skip # a table
FILE: dict[str, Effect] = {
    "root": (["r.crt", "more.crt"], lambda s: (
        models.configure_issuing(s).issuers[0].root_file, models.configure_registration(s).roots,
        models.configure_validation(s).roots_file,
    )),
    "federatedRoots": (["f.crt"], lambda s: models.configure_registration(s).federated_roots),
    "crt": ("other.crt", lambda s: models.configure_issuing(s).issuers[0].certificate_file),
    "key": ("other.key", lambda s: models.configure_signer(s).keys[0].store),
    "address": (":1", lambda s: s.ca.address),
    "insecureAddress": (":1", lambda s: models.configure_issuing(s).urls.ocsp),
    "metricsAddress": (":1", lambda s: s.ca.metrics_address),
    "dnsNames": (["x"], lambda s: models.configure_registration(s).dns_names),
    "commonName": ("x", lambda s: models.configure_registration(s).server_certificate.common_name),
    "authority.provisioners": ([], lambda s: len(models.configure_registration(s).records())),
    **{f"authority.claims.{name}": effect for name, effect in LIMITS.items()},
    **policy_effects("authority.", lambda s: models.configure_registration(s).policies()),
    **{
        f"authority.template.{name}": ("ab", lambda s: models.configure_registration(s).subject_defaults())
        for name in SUBJECT
    },
    "authority.enableAdmin": (True, lambda s: models.configure_registration(s).remote_management),
    "authority.authorityId": ("an-id", lambda s: models.configure_registration(s).authority_id),
    "authority.backdate": ("5m", lambda s: (models.configure_registration(s).backdate, leaf(s).backdate)),
    "tls.minVersion": (1.3, lambda s: (
        models.tls_versions(s), models.configure_registration(s).tls_options().min_version,
    )),
    "tls.maxVersion": (1.2, lambda s: (
        models.tls_versions(s), models.configure_registration(s).tls_options().max_version,
    )),
    "tls.cipherSuites": (["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"], lambda s: (
        models.cipher_suites(s), models.configure_registration(s).tls_options().cipher_suites,
    )),
    "tls.renegotiation": (True, lambda s: models.configure_registration(s).tls_options().renegotiation),
    "logger.format": ("common", lambda s: s.ca.logger and s.ca.logger.format),
    "logger.traceHeader": ("X-Trace", lambda s: s.ca.logger and s.ca.logger.trace_header),
    "crl.idpURL": ("http://crl.test/1.0/crl", lambda s: (
        models.configure_issuing(s).urls.crl, models.configure_validation(s).issuers[0].crl_url,
    )),
    "crl.cacheDuration": ("48h", lambda s: models.configure_validation(s).crl.validity),
    "crl.renewPeriod": ("1h", lambda s: models.configure_validation(s).crl.period),
    "kms.type": ("awskms", lambda s: models.configure_signer(s).keys[0].store),
    "kms.uri": ("awskms:region=x", lambda s: models.configure_signer(s).keys[0].store),
    "ssh.hostKey": ("host_key", lambda s: models.configure_issuing(s).ssh_issuers),
    "ssh.userKey": ("user_key", lambda s: models.configure_issuing(s).ssh_issuers),
    **{
        f"ssh.bastion.{name}": ("x", lambda s: models.configure_registration(s).ssh.bastion)
        for name in ("hostname", "user", "port", "cmd", "flags")
    },
    "ssh.addUserPrincipal": ("x", lambda s: models.configure_registration(s).ssh.add_user_principal),
    "ssh.addUserCommand": ("x", lambda s: models.configure_registration(s).ssh.add_user_command),
    "authority.disableGetSSHHosts": (True, lambda s: models.configure_registration(s).ssh.hide_hosts),
    "newel": ({"httpUrl": "http://x"}, lambda s: models.configure_issuing(s).urls.crl),
}  # fmt: skip # a table
SSH_LISTS = {
    *(f"ssh.keys.{name}" for name in ("type", "federated", "key")),
    *(
        f"templates.ssh.{kind}.{name}"
        for kind in ("user", "host")
        for name in ("name", "type", "template", "path", "comment", "requires")
    ),
    "templates.data",
}
"""Members of lists, and what is used with them: a test of their own shows them."""
OF_KEYS = {"kms.region", "kms.profile", "kms.credentialsFile", "kms.pin"}
"""They say something about the service beside them; test_key_stores.py shows it."""
ALWAYS = {"authority.disableIssuedAtCheck", "crl.enabled", "crl.generateOnRevoke"}
"""What is always done, whether it is asked for or not."""
WITH_OTHERS = "policy.x509.allowWildcardNames"
"""It says something about the lists beside it; registration's tests of policies show it."""
COMMON: dict[str, Effect] = {
    **policy_effects("", lambda s: jwk(s).policies),
    **{f"claims.{name}": effect for name, effect in LIMITS.items()},
    "newel.activeRevocation": (False, lambda s: jwk(s).active_revocation),
    "newel.profile": ("server", lambda s: jwk(s).profile),
    "newel.disabled": (True, lambda s: jwk(s).disabled),
    "newel.requireInventory": (True, lambda s: jwk(s).requires_inventory),
    "newel.allowUnderscores": (True, lambda s: leaf(s).allow_underscores),
    "newel.revokesAny": (True, lambda s: jwk(s).revokes_any),
    "options.x509.template": (TEMPLATE, lambda s: jwk(s).template is not None),
    "options.ssh.template": (TEMPLATE, lambda s: jwk(s).ssh_template is not None),
}
JWK: dict[str, Effect] = {
    **COMMON,
    "name": ("other", lambda s: jwk(s).name),
    "key": (OTHER, lambda s: jwk(s).key_id),
    "encryptedKey": ("a.b.c.d.e", lambda s: jwk(s).encrypted_key),
}
PROFILE: dict[str, Any] = {"name": "short"}
ACME: dict[str, Effect] = {
    "forceCN": (True, lambda s: acme(s).force_common_name),
    "termsOfService": ("https://x", lambda s: acme(s).terms_of_service),
    "website": ("https://x", lambda s: acme(s).website),
    "caaIdentities": (["x"], lambda s: acme(s).caa_identities),
    "requireEAB": (True, lambda s: acme(s).require_external_account),
    "challenges": (["dns-01"], lambda s: acme(s).challenges),
    "attestationFormats": (["step"], lambda s: acme(s).attestation_formats),
    "attestationRoots": (
        base64.b64encode(Maker(EPOCH).pem.encode()).decode(),
        lambda s: acme(s).attestation_roots("tpm"),
    ),
    "newel.androidStatusURL": ("https://x", lambda s: acme(s).android_status_url),
    "newel.checkCAA": (True, lambda s: acme(s).checks_caa),
    "newel.preauthorization": (True, lambda s: acme(s).preauthorization),
    "newel.subdomains": (True, lambda s: acme(s).subdomains),
    "newel.resolvers": (["10.0.0.53"], lambda s: acme(s).resolvers),
    "newel.secondResolvers": (["10.0.0.54:5353"], lambda s: acme(s).second_resolvers),
    "newel.profiles": ([PROFILE], lambda s: acme(s).profiles),
}
OF_A_PROFILE: dict[str, Effect] = {
    "name": ("other", lambda s: list(acme(s).profiles)),
    "description": ("https://x", lambda s: acme(s).profiles),
    **{
        f"claims.{name}": (value, lambda s: acme(s).select("short").limits)
        for name, value in (
            ("minTLSCertDuration", "1m"),
            ("maxTLSCertDuration", "26h"),
            ("defaultTLSCertDuration", "23h"),
        )
    },
    "template": (TEMPLATE, lambda s: acme(s).select("short").template is not None),
    "profile": ("server", lambda s: acme(s).select("short").profile),
}
WEBHOOK = {
    "id": "1234", "name": "people", "url": "https://hooks.example/people", "kind": "ENRICHING",
    "certType": "X509", "disableTLSClientAuth": True, "secret": "c2VjcmV0",
    "basicAuth": {"username": "ada", "password": "lovelace"},
}  # fmt: skip # a table
ELSEWHERE = {
    "type", WITH_OTHERS, "options.x509.templateFile", "options.x509.templateData",
    "options.ssh.templateFile", "options.ssh.templateData",
    "options.webhooks.bearerToken",
    *(f"options.webhooks.{name}" for name in WEBHOOK if name != "basicAuth"),
    "options.webhooks.basicAuth.username", "options.webhooks.basicAuth.password",
}  # fmt: skip # a table
"""Shown by tests of their own: of kinds, and below."""


def put(holder: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for each in above:
        holder = holder.setdefault(each, {})
    holder[name] = value


def put_into(index: int, path: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda ca: put(ca["authority"]["provisioners"][index], path, value)


@pytest.mark.parametrize("path", FILE)
def test_a_member_of_the_file_takes_effect(tmp_path: Path, path: str) -> None:
    value, seen = FILE[path]
    before = seen(settings_of(tmp_path, lambda _: None))
    assert seen(settings_of(tmp_path, lambda ca: put(ca, path, value))) != before


@pytest.mark.parametrize("path", JWK)
def test_a_member_of_a_jwk_provisioner_takes_effect(tmp_path: Path, path: str) -> None:
    value, seen = JWK[path]
    before = seen(settings_of(tmp_path, lambda _: None))
    assert seen(settings_of(tmp_path, put_into(0, path, value))) != before


@pytest.mark.parametrize("path", ACME)
def test_a_member_of_an_acme_provisioner_takes_effect(tmp_path: Path, path: str) -> None:
    value, seen = ACME[path]
    before = seen(settings_of(tmp_path, lambda _: None))
    assert seen(settings_of(tmp_path, put_into(1, path, value))) != before


@pytest.mark.parametrize("path", OF_A_PROFILE)
def test_a_member_of_an_acme_profile_takes_effect(tmp_path: Path, path: str) -> None:
    value, seen = OF_A_PROFILE[path]

    def settings(**more: Any) -> Settings:
        profile = {**PROFILE, **more}
        return settings_of(tmp_path, put_into(1, "newel.profiles", [profile]))

    name, _, claim = path.partition(".")
    before = seen(settings())
    assert seen(settings(**{name: {claim: value} if claim else value})) != before


@pytest.mark.parametrize(
    ("profiles", "why"),
    [
        ([{}], "a profile needs a name"),
        ([{"name": "a b"}], "a profile needs a name"),
        ([PROFILE, PROFILE], "is given twice"),
        ([{"name": f"p{index}"} for index in range(33)], "at most 32 profiles"),
        ([{"name": "a", "description": "x" * 513}], "at most 512 characters"),
        ({}, "it is not a list"),
    ],
)
def test_profiles_that_cannot_be_are_refused(tmp_path: Path, profiles: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        settings_of(tmp_path, put_into(1, "newel.profiles", profiles))


def test_a_template_s_file_is_found_below_the_state_folder_and_its_data_is_used(
    tmp_path: Path,
) -> None:
    (tmp_path / "leaf.tpl").write_text(TEMPLATE)
    options = {"templateFile": "leaf.tpl", "templateData": {"a": 1}}
    found = jwk(settings_of(tmp_path, put_into(0, "options.x509", options)))
    assert found.template is not None
    found = jwk(settings_of(tmp_path, put_into(0, "options.ssh", options)))
    assert found.ssh_template is not None
    text = base64.b64encode(TEMPLATE.encode()).decode()
    found = jwk(settings_of(tmp_path, put_into(0, "options.x509", {"template": text})))
    assert found.template is not None


def test_keys_and_templates_of_ssh_reach_the_registration_authority(tmp_path: Path) -> None:
    (tmp_path / "config.tpl").write_text("Host *")
    key = {"type": "user", "federated": True, "key": OTHER}
    file = {
        "name": "config.tpl", "type": "snippet", "template": "config.tpl", "path": "~/.ssh/config",
        "comment": "//", "requires": ["Host"],
    }  # fmt: skip # a table
    templates = {"ssh": {"user": [file], "host": [file]}, "data": {"a": "1"}}
    ssh = {"userKey": "user_key", "keys": [key]}
    found = models.configure_registration(
        settings_of(tmp_path, lambda ca: ca.update(ssh=ssh, templates=templates))
    ).ssh
    (foreign,) = found.foreign_keys()
    assert (foreign.type, foreign.is_federated) == ("user", True)
    for (each,) in (found.user_templates, found.host_templates):
        assert (each.name, each.type, each.template) == (
            "config.tpl", "snippet", tmp_path / "config.tpl",
        )  # fmt: skip # in rows
        assert (each.path, each.comment, each.requires) == ("~/.ssh/config", "//", ("Host",))
    assert found.template_data == {"a": "1"}


def test_files_of_provisioners_are_found_below_the_state_folder(tmp_path: Path) -> None:
    added: list[dict[str, Any]] = [
        {"type": "AWS", "name": "aws", "iidRoots": "iid.pem"},
        {"type": "GCP", "name": "gcp", "newel": {"caFile": "ca.pem"}},
        {"type": "SCEP", "name": "scep", "decrypterKey": "scep.key"},
        {"type": "SCEP", "name": "uri", "decrypterKey": "softkms:path=/scep.key"},
    ]
    settings = settings_of(tmp_path, lambda ca: ca["authority"]["provisioners"].extend(added))
    aws, gcp, scep, uri = models.configure_registration(settings).provisioners[-4:]
    assert aws["iidRoots"] == str(tmp_path / "iid.pem")
    assert scep["decrypterKey"] == str(tmp_path / "scep.key")
    assert uri["decrypterKey"] == "softkms:path=/scep.key"
    assert gcp["newel"]["caFile"] == str(tmp_path / "ca.pem")


def test_the_first_administrator_is_the_one_that_ca_init_wrote(tmp_path: Path) -> None:
    newel = {"registration": {"firstAdministrator": "ann@ca.internal"}}
    settings = settings_of(tmp_path, lambda ca: ca.update(newel=newel))
    assert models.configure_registration(settings).first_administrator == "ann@ca.internal"


def read_effects(members: Mapping[str, Member], above: str = "") -> Iterator[str]:
    for name, member in members.items():
        if member.treatment is not Treatment.HONOURED:
            continue
        if member.members:
            yield from read_effects(member.members, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def test_no_honoured_member_is_without_such_a_test() -> None:
    assert set(read_effects(CA_JSON)) == set(FILE) | ALWAYS | SSH_LISTS | OF_KEYS | {
        f"authority.{WITH_OTHERS}"
    }
    assert set(read_effects(members_of("JWK"))) == set(JWK) | ELSEWHERE
    shared = set(read_effects(members_of("JWK"))) - {"key", "encryptedKey"}
    of_a_profile = {f"newel.profiles.{name}" for name in (*OF_A_PROFILE, "templateData")}
    own = set(read_effects(members_of("ACME"))) - shared
    assert own == set(ACME) - {"newel.profiles"} | of_a_profile


def test_periods_of_lists_that_cannot_be_are_told_with_their_place(tmp_path: Path) -> None:
    crl = {"cacheDuration": "1h", "renewPeriod": "1h"}
    with pytest.raises(ConfigError, match=r"ca\.json: crl\.renewPeriod: it must be shorter"):
        settings_of(tmp_path, lambda ca: ca.update(crl=crl))


def test_every_member_of_a_webhook_reaches_its_provisioner(tmp_path: Path) -> None:
    def records(*webhooks: Any) -> Any:
        settings = settings_of(tmp_path, put_into(0, "options", {"webhooks": list(webhooks)}))
        (record, _) = models.configure_registration(settings).records()
        return read_webhooks(record.options)

    (found,) = records(WEBHOOK)
    assert (found.id, found.name, found.url) == ("1234", "people", WEBHOOK["url"])
    assert (found.kind, found.cert_type, found.key) == ("ENRICHING", "X509", b"secret")
    assert found.disable_tls_client_auth
    assert found.basic_auth == BasicAuth("ada", "lovelace")
    (found,) = records({**WEBHOOK, "basicAuth": None, "bearerToken": "credential"})
    assert found.bearer_token == "credential"
