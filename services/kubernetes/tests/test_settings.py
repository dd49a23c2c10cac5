"""What issuers may say, and what each is told that may not."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.certificates import make_pki
from newel.kubernetes.errors import IssuerError
from newel.kubernetes.kinds import CLUSTER_ISSUER, ISSUER, STEP_CLUSTER_ISSUER, STEP_ISSUER, Kind
from newel.kubernetes.settings import AccountAuth, KeyAuth, Settings, read_settings

ROOT = make_pki("P-256").root.certificate.public_bytes(Encoding.PEM)
BUNDLE = base64.b64encode(ROOT).decode()
KEY = {"name": "admin", "kid": "k1", "passwordRef": {"name": "secret", "key": "word"}}


def read(kind: Kind, namespace: str = "shop", **spec: Any) -> Settings:
    metadata = {"name": "one"} | ({"namespace": namespace} if kind.namespaced else {})
    body = {"url": "https://ca.example", "caBundle": BUNDLE, **spec}
    present = {name: value for name, value in body.items() if value is not None}
    return read_settings(kind, {"metadata": metadata, "spec": present}, "newel", "controller")


def test_a_cluster_issuer_presents_the_controllers_own_tokens() -> None:
    settings = read(CLUSTER_ISSUER, auth={"serviceAccount": {}})
    assert settings.auth == AccountAuth("newel", "controller", "")
    assert settings.audience == "https://ca.example/1.0/sign"
    assert settings.roots.encode() == ROOT


def test_the_audience_names_the_provisioner_that_is_meant() -> None:
    settings = read(CLUSTER_ISSUER, auth={"serviceAccount": {"name": "a", "provisioner": "blue"}})
    assert settings.audience == "https://ca.example/1.0/sign#k8ssa/blue"


def test_an_issuer_of_a_namespace_names_accounts_and_secrets_of_it() -> None:
    assert read(ISSUER, auth={"serviceAccount": {"name": "a"}}).auth == AccountAuth("shop", "a", "")
    assert read(ISSUER, auth={"provisioner": KEY}).auth == KeyAuth(
        "admin", "k1", "shop", "secret", "word"
    )


def test_an_issuer_beside_the_controller_does_not_get_its_tokens_by_their_name() -> None:
    with pytest.raises(IssuerError, match="the controller's own account"):
        read(ISSUER, "newel", auth={"serviceAccount": {"name": "controller"}})
    own = read(CLUSTER_ISSUER, auth={"serviceAccount": {"name": "controller"}})
    assert own.auth == AccountAuth("newel", "controller", "")


def test_step_issuers_are_read_as_they_are() -> None:
    assert read(STEP_ISSUER, provisioner=KEY).auth == KeyAuth(
        "admin", "k1", "shop", "secret", "word"
    )
    reference = {"name": "secret", "key": "word", "namespace": "vault"}
    found = read(STEP_CLUSTER_ISSUER, provisioner=KEY | {"passwordRef": reference})
    assert found.auth == KeyAuth("admin", "k1", "vault", "secret", "word")


@pytest.mark.parametrize(
    ("kind", "spec", "says"),
    [
        (ISSUER, {"auth": {"serviceAccount": {}}}, "name an account of this namespace"),
        (ISSUER, {"auth": {}}, "give either serviceAccount or provisioner"),
        (ISSUER, {"auth": {"serviceAccount": {"name": "a"}, "provisioner": KEY}}, "and not both"),
        (ISSUER, {"url": "http://ca.example"}, "spec.url: 'http://ca.example' must have https"),
        (ISSUER, {"url": "https://ca.example/acme"}, "write the authority's address alone"),
        (ISSUER, {"url": None}, "missing required field `url`"),
        (ISSUER, {"caBundle": "AAAA"}, "spec.caBundle: no certificates"),
        (ISSUER, {"caBundle": "%"}, "spec.caBundle: no certificates"),
        (
            ISSUER,
            {"auth": {"provisioner": KEY | {"passwordRef": {"name": "s", "namespace": "other"}}}},
            "secrets are read in shop only",
        ),
        (STEP_ISSUER, {}, "spec.provisioner: it is missing"),
        (STEP_ISSUER, {"provisioner": {"name": "admin"}}, "spec.provisioner.passwordRef"),
        (STEP_CLUSTER_ISSUER, {"provisioner": KEY}, "passwordRef.namespace: it is missing"),
        (
            STEP_ISSUER,
            {"provisioner": {"name": "admin", "passwordEnv": "HOME"}},
            "passwordEnv: what issuers name is not read from the controller's own process",
        ),
        (
            STEP_ISSUER,
            {"provisioner": {"name": "admin", "passwordFile": "/etc/passwd"}},
            "passwordFile: what issuers name is not read",
        ),
    ],
)
def test_an_issuer_that_cannot_be_used_says_which_member_is_wrong(
    kind: Kind, spec: dict[str, Any], says: str
) -> None:
    with pytest.raises(IssuerError, match="spec") as refused:
        read(kind, **spec)
    assert says in str(refused.value)
    assert refused.value.reason == "Invalid"
