"""The controller's part of the chart: its rights are the least, and its configuration is one it takes."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.manifests import faults
from newel.kubernetes.config import Config
from newel.runtime.config import validate
from newel.runtime.process.process_config import RuntimeConfig

pytestmark = pytest.mark.needs("helm")

ROOT = Path(__file__).parents[2]
NAME = "ca-newel-kubernetes"
EVERYTHING = (
    "kubernetes.stepIssuers=true", "kubernetes.secrets={word}", "kubernetes.serviceAccounts={other}",
    "kubernetes.namespaces[0].name=shop", "kubernetes.namespaces[0].secrets={word}",
    "kubernetes.namespaces[0].serviceAccounts={issuer}", "kubernetes.podAnnotations.a=b",
    'kubernetes.extraConfig=check_interval = "1m"', "image.pullSecrets[0].name=registry",
    "networkPolicy.issuerPeers[0].ipBlock.cidr=192.0.2.0/24",
)  # fmt: skip # words in rows


def template(*settings: str) -> "subprocess.CompletedProcess[str]":
    sets = [word for each in settings for word in ("--set", each)]
    command = [
        "helm",
        "template",
        "ca",
        str(ROOT / "helm"),
        "--kube-version",
        "1.37.0",
        "-n",
        "pki",
    ]
    return subprocess.run([*command, *sets], capture_output=True, text=True, check=False)


def render(*settings: str) -> list[dict[str, Any]]:
    done = template("kubernetes.enabled=true", *settings)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def find(manifests: list[dict[str, Any]], kind: str, namespace: str = "") -> dict[str, Any]:
    (found,) = [
        each
        for each in manifests
        if (each["kind"], each["metadata"]["name"]) == (kind, NAME)
        and namespace in {"", each["metadata"].get("namespace")}
    ]
    return found


@pytest.mark.parametrize("more", [(), EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("mode", ["standalone", "split"])
def test_no_manifest_has_a_field_the_api_does_not_know(mode: str, more: tuple[str, ...]) -> None:
    manifests = render(f"mode={mode}", *more)
    assert [fault for each in manifests for fault in faults(each)] == []


def test_nothing_of_the_controller_is_there_unless_it_is_wanted() -> None:
    manifests = [each for each in yaml.safe_load_all(template().stdout) if each]
    assert not any("kubernetes" in each["metadata"]["name"] for each in manifests)
    assert not any(each["kind"] == "CustomResourceDefinition" for each in manifests)


def test_the_configuration_is_one_that_the_controller_takes() -> None:
    text = find(render(*EVERYTHING), "ConfigMap")["data"]["kubernetes.toml"]
    table = tomllib.loads(text)
    validate(RuntimeConfig, table.pop("runtime"), "runtime")
    config = validate(Config, table, "kubernetes")
    assert (config.namespace, config.service_account, config.lease) == ("pki", NAME, NAME)
    assert config.resources == ("newel-issuers", "step-issuers")
    assert config.check_interval.total_seconds() == 60


def test_secrets_and_accounts_are_reached_by_their_names_alone() -> None:
    """The authority's own secrets may be in the same namespace."""
    for manifests in (render(), render(*EVERYTHING)):
        for each in manifests:
            for rule in each.get("rules", []) if each["kind"] in {"Role", "ClusterRole"} else []:
                assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
                if {"secrets", "serviceaccounts/token"} & {*rule["resources"]}:
                    assert each["kind"] == "Role"
                    assert rule["resourceNames"]
                    assert len(rule["verbs"]) == 1
    own = find(render(), "Role", "pki")["rules"]
    assert [rule for rule in own if "secrets" in rule["resources"]] == []
    shop = find(render(*EVERYTHING), "Role", "shop")["rules"]
    assert [rule["resourceNames"] for rule in shop] == [["issuer"], ["word"]]


def test_the_pod_meets_the_restricted_standard_and_has_one_short_token() -> None:
    spec = find(render(), "Deployment")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    (container,) = spec["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert not any("secret" in volume for volume in spec["volumes"])
    mounts = {each["name"] for each in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["volumes"]}


def test_the_definitions_are_the_repositorys_and_outlive_the_chart() -> None:
    shared = yaml.safe_load_all((ROOT / "deploy/kubernetes/issuers.yaml").read_text())
    specs = {each["metadata"]["name"]: each["spec"] for each in shared}
    rendered = [each for each in render() if each["kind"] == "CustomResourceDefinition"]
    assert {each["metadata"]["name"]: each["spec"] for each in rendered} == specs
    for each in rendered:
        assert each["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    kinds = {each["kind"] for each in render("kubernetes.crds.create=false")}
    assert "CustomResourceDefinition" not in kinds


def test_the_approver_of_the_values_gets_the_right_and_no_other() -> None:
    bound = [each for each in render() if each["metadata"]["name"] == f"{NAME}-approve"]
    assert {each["kind"] for each in bound} == {"ClusterRole", "ClusterRoleBinding"}
    none = render("kubernetes.certManager.serviceAccount.name=")
    assert not any(each["metadata"]["name"] == f"{NAME}-approve" for each in none)


@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("kubernetes.enable=true", "kubernetes"),
        ("kubernetes.replicaCount=many", "/kubernetes/replicaCount"),
        ("kubernetes.secrets={A b}", "/kubernetes/secrets/0"),
        ("kubernetes.namespaces[0].secrets={a}", "/kubernetes/namespaces/0"),
        ("kubernetes.crds.keep=true", "kubernetes"),
    ],
)
def test_values_that_are_refused(setting: str, where: str) -> None:
    done = template(setting)
    assert done.returncode != 0
    assert where in done.stderr
