"""The chart: what it renders is what the API server takes strictly, and what its values refuse."""

import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.split.adapting import FILES
from deploy.split.layout import SERVICES

from fixtures.manifests import faults
from newel.runtime.config import validate
from newel.runtime.process.process_config import RuntimeConfig
from newel.standalone.options import parse

pytestmark = pytest.mark.needs("helm")

CHART = Path(__file__).parents[2] / "helm"
EVERYTHING = (
    "metrics.podMonitor.enabled=true", "metrics.prometheusRule.enabled=true",
    "image.pullSecrets[0].name=registry", "signer.tokensClaim=tokens",
    "signer.extraVolumes[0].name=hsm", "signer.extraVolumes[0].emptyDir.medium=Memory",
    "signer.extraVolumeMounts[0].name=hsm", "signer.extraVolumeMounts[0].mountPath=/opt/hsm",
    "registration.resources.limits.memory=512Mi", "registration.nodeSelector.zone=a",
    "standalone.persistence.storageClass=fast", "serviceAccount.annotations.a=b", "certs.kind=ConfigMap",
    "networkPolicy.deliveryPeers[0].ipBlock.cidr=192.0.2.0/24",
)  # fmt: skip # words in rows


def helm(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["helm", *words], capture_output=True, text=True, check=False)


def template(*settings: str) -> "subprocess.CompletedProcess[str]":
    sets = [word for setting in settings for word in ("--set", setting)]
    return helm("template", "ca", str(CHART), "--kube-version", "1.31.0", *sets)


def render(*settings: str) -> list[dict[str, Any]]:
    done = template(*settings)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """By component, or by the last part of the name."""
    return {
        each["metadata"]["name"].rpartition("-")[2]: each
        for each in manifests
        if each["kind"] == kind
    }


def pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        each["spec"]["template"]
        for each in manifests
        if each["kind"] in {"Deployment", "StatefulSet"}
    ]


@pytest.mark.parametrize("mode", ["standalone", "split"])
def test_lint(mode: str) -> None:
    done = helm("lint", "--strict", "--set", f"mode={mode}", str(CHART))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("more", [(), EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("mode", ["standalone", "split"])
def test_no_manifest_has_a_field_the_api_does_not_know(mode: str, more: tuple[str, ...]) -> None:
    manifests = render(f"mode={mode}", *more)
    assert [fault for each in manifests for fault in faults(each)] == []
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 for _, name in names)


def test_the_strict_check_bites() -> None:
    deployment = of_kind(render("mode=split"), "Deployment")["signer"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["imagePullpolicy"] = "Always"
    container["env"] = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    container["ports"][0]["containerPort"] = "9090"
    del deployment["spec"]["selector"]
    said = " ".join(faults(deployment))
    assert "unknown field imagePullpolicy" in said
    assert "env: a name is there twice" in said
    assert "'9090' is not int" in said
    assert "selector is missing" in said


@pytest.mark.parametrize("mode", ["standalone", "split"])
def test_pods_meet_the_restricted_standard(mode: str) -> None:
    for pod in pods(render(f"mode={mode}")):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            claimed = {"state"} if mode == "standalone" else set[str]()
            assert mounted <= {volume["name"] for volume in spec["volumes"]} | claimed
            named = {port["name"] for port in container["ports"]}
            assert container["readinessProbe"]["httpGet"]["port"] in named


def test_a_pod_has_its_own_secret_only() -> None:
    """The fourth wall."""
    for name, deployment in of_kind(render("mode=split"), "Deployment").items():
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        secrets = {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
        assert secrets == {f"newel-{name}", "newel-certs"}


def test_no_secret_is_rendered_and_none_can_be_given_as_a_value() -> None:
    for mode in ("standalone", "split"):
        assert not of_kind(render(f"mode={mode}"), "Secret")
    assert "password" not in (CHART / "values.yaml").read_text().replace(
        "newel-password", ""
    ).replace("existingSecretKey: password", "").replace("The keys' password", "")


def peers(rule: dict[str, Any]) -> set[str]:
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in rule.get("from", rule.get("to", []))
        if "podSelector" in peer
    }


def configuration(service: str) -> dict[str, Any]:
    """What the split deployment's service is told."""
    return tomllib.loads(FILES[f"{service}.toml"].read_text())


def test_network_policies_repeat_the_walls() -> None:
    """Only issuing and validation reach the signer, which reaches no other service."""
    policies = of_kind(render("mode=split"), "NetworkPolicy")
    assert set(policies) == set(SERVICES)
    callers = {
        name: set[str]().union(*(peers(rule) for rule in policy["spec"]["ingress"]))
        for name, policy in policies.items()
    }
    assert callers["signer"] == {"issuing", "validation"}
    # only those are let in that have a channel there in the configurations
    for service in SERVICES:
        assert callers[service] == {
            caller
            for caller in SERVICES
            if service in configuration(caller)["runtime"].get("channels", {})
        }
    assert policies["signer"]["spec"]["egress"] == []
    for name, policy in policies.items():
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        called = set[str]().union(*(peers(rule) for rule in policy["spec"]["egress"]))
        # of other services' interfaces, which anyone may reach, only the dashboard calls any
        asked = {"registration", "inventory", "alerting", "validation"}
        asked = asked if name == "dashboard" else set()
        assert {each for each in called if name not in callers[each]} == asked
        for rule in policy["spec"]["ingress"]:
            if {port["port"] for port in rule["ports"]} & {"grpc", "health"}:
                assert rule["from"]


def test_every_selector_meets_its_pods() -> None:
    manifests = render("mode=split")
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"]
        for name, each in of_kind(manifests, "Deployment").items()
    }
    for kind in ("Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy"):
        for name, each in of_kind(manifests, kind).items():
            selector = each["spec"].get("podSelector") or each["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            met = [owner for owner, has in labels.items() if wanted.items() <= has.items()]
            assert met == [name]


@pytest.mark.parametrize("service", SERVICES)
def test_the_configurations_are_the_shared_ones_in_other_places(
    service: str, tmp_path: Path
) -> None:
    settings = (
        "mode=split", "postgres.host=db.example", "postgres.port=6432", "postgres.database=pki",
        "nats.host=nats.example", "httpUrl=http://pki.example", "dnsNames={ca.example,ca}",
        f"{service}.extraConfig=# more",
    )  # fmt: skip # words in rows
    text = of_kind(render(*settings), "ConfigMap")[service]["data"][f"{service}.toml"]
    assert text.endswith("# more\n")
    shared = FILES[f"{service}.toml"].read_text()
    for before, after in (
        (r"(?m)^audit_file.*\n", ""),
        (r"dns:///(\w+):9090", r"dns:///ca-newel-\1:9090"),
        ("@postgres:5432/newel", "@db.example:6432/pki"),
        ("tls://nats:4222", "tls://nats.example:4222"),
        ("http://localhost:9080", "http://pki.example"),
        ("https://localhost:9000", "https://ca.example"),
        (r"https://(\w+):9(?:000|443)", r"https://ca-newel-\1:443"),
        ("http://validation:9080", "http://ca-newel-validation:80"),
    ):
        shared = re.sub(before, after, shared)
    expected = tomllib.loads(shared)
    expected.pop("health", None)  # what the kubelet asks is in no Service
    if "dns_names" in expected:
        front = "ca-newel-registration"
        own = [f"{front}.default.svc", f"{front}.default.svc.cluster.local", front, "localhost"]
        expected["dns_names"] = ["ca.example", "ca", *own]
    table = tomllib.loads(text)
    assert table == expected
    validate(RuntimeConfig, table.pop("runtime"), service)
    if table.pop("provisioners_file", None):
        assert service == "registration"
    config = import_module(f"newel.{service}.config")
    validate(getattr(config, "ProcessConfig", config.Config), table, service)


def test_what_calls_what_exists() -> None:
    """Every address in a configuration is a rendered Service's."""
    manifests = render("mode=split")
    services = of_kind(manifests, "Service")
    for each in of_kind(manifests, "ConfigMap").values():
        for text in each["data"].values():
            for name, port in re.findall(r"dns:///ca-newel-(\w+):(\d+)", text):
                ports = {entry["port"]: entry for entry in services[name]["spec"]["ports"]}
                assert ports[int(port)]["targetPort"] == "grpc"
            for scheme, name, port in re.findall(r"(https?)://ca-newel-(\w+):(\d+)", text):
                ports = {entry["port"]: entry for entry in services[name]["spec"]["ports"]}
                assert ports[int(port)]["targetPort"] == scheme


def test_a_changed_configuration_starts_the_pods_again() -> None:
    def checksum(*settings: str) -> str:
        deployment = of_kind(render("mode=split", *settings), "Deployment")["alerting"]
        return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum()
    assert checksum() != checksum("alerting.extraConfig=# more")


def test_disruption_budgets_where_there_is_somebody_to_stand_in() -> None:
    assert set(
        of_kind(render("mode=split", "inventory.replicaCount=1"), "PodDisruptionBudget")
    ) == {
        "registration",
        "issuing",
        "validation",
    }


def test_the_alert_rules_are_those_of_the_repository() -> None:
    rule = of_kind(render("metrics.prometheusRule.enabled=true"), "PrometheusRule")["newel"]
    shared = yaml.safe_load((CHART.parent / "deploy/prometheus/alerts.yml").read_text())
    assert rule["spec"] == shared


@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("mode=both", "/mode"),
        ("modes=split", "modes"),
        ("signer.replicas=2", "signer"),
        ("signer.existingSecret=", "/signer/existingSecret"),
        ("signer.pin=1234", "signer"),
        ("registration.replicaCount=two", "/registration/replicaCount"),
        ("postgres.port=70000", "/postgres/port"),
        ("postgres.password=x", "postgres"),
        ("httpUrl=https://ca.example", "/httpUrl"),
        ("dnsNames[0]=a b", "/dnsNames/0"),
        ("dnsNames=", "/dnsNames"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("service.type=ExternalName", "/service/type"),
        ("certs.kind=File", "/certs/kind"),
        ("metrics.podMonitor.interval=soon", "/metrics/podMonitor/interval"),
        ("standalone.persistence.size=big", "/standalone/persistence/size"),
    ],
)
def test_values_that_are_refused(setting: str, where: str) -> None:
    done = template("mode=split", setting) if not setting.startswith("mode=") else template(setting)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert where in done.stderr


def standalone_flags(*settings: str) -> list[str]:
    """The arguments of the one container."""
    (pod,) = pods(render(*settings))
    return [str(each) for each in pod["spec"]["containers"][0]["args"]]


def test_certificates_of_the_default_mode_name_an_address_that_answers() -> None:
    service = of_kind(render(), "Service")["standalone"]
    where = "ca-newel-standalone.default.svc"
    assert service["metadata"]["name"] == where.partition(".")[0]
    assert 80 in [port["port"] for port in service["spec"]["ports"]], "the URL names no port"
    assert f"--http-url=http://{where}" in standalone_flags()
    flags = standalone_flags("httpUrl=http://pki.example/", "dnsNames={ca.example}")
    assert "--http-url=http://pki.example" in flags
    names = [flag.removeprefix("--dns=") for flag in flags if flag.startswith("--dns=")]
    assert names[0] == "ca.example"
    assert where in names, "the Service's own name is in the server certificate"
    assert parse(flags).http_url == "http://pki.example", "what the chart says, the program takes"


@pytest.mark.parametrize(
    ("mode", "public"),
    [("standalone", {"standalone"}), ("split", {"registration", "validation"})],
)
def test_only_what_clients_reach_gets_a_load_balancer(mode: str, public: set[str]) -> None:
    settings = (f"mode={mode}", "service.type=LoadBalancer", "service.annotations.a=b")
    services = of_kind(render(*settings), "Service")
    balanced = {name for name, each in services.items() if each["spec"]["type"] == "LoadBalancer"}
    annotated = {name for name, each in services.items() if "annotations" in each["metadata"]}
    assert balanced == annotated == public
    assert len(services) > 1 or mode == "standalone"


def test_a_signer_reaches_its_network_hsm_only_where_a_value_says_so() -> None:
    rule = "networkPolicy.signerEgress[0].to[0].ipBlock.cidr=192.0.2.7/32"
    closed = of_kind(render("mode=split"), "NetworkPolicy")["signer"]
    opened = of_kind(render("mode=split", rule), "NetworkPolicy")["signer"]
    assert closed["spec"]["egress"] == []
    assert opened["spec"]["egress"] == [{"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]}]


def test_status_is_asked_of_a_validation_authority_that_is_not_ready_too() -> None:
    services = of_kind(render("mode=split"), "Service")
    asked = {
        name for name, each in services.items() if each["spec"].get("publishNotReadyAddresses")
    }
    assert asked == {"validation"}


def test_ssh_is_in_the_configurations_of_those_that_have_a_part_in_it(tmp_path: Path) -> None:
    manifests = render("mode=split", "ssh.enabled=true", "ssh.templates=own-templates")
    found = of_kind(manifests, "ConfigMap")
    tables = {
        service: tomllib.loads(found[service]["data"][f"{service}.toml"]) for service in SERVICES
    }
    assert {key["name"] for key in tables["signer"]["keys"] if "ssh" in key} == {
        "ssh-user", "ssh-host",
    }  # fmt: skip # a set of names
    assert {each["type"] for each in tables["issuing"]["ssh_issuers"]} == {"user", "host"}
    assert tables["validation"]["ssh"]["krl_key"] == "ssh-user"
    ssh = tables["registration"]["ssh"]
    assert ssh["krl_source"] == "http://ca-newel-validation:80/ssh/krl"
    pod = of_kind(manifests, "Deployment")["registration"]["spec"]["template"]["spec"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "ssh-templates"]
    assert {Path(each["template"]).parent for each in ssh["user_templates"]} == {
        Path(mount["mountPath"])
    }
    (volume,) = [each for each in pod["volumes"] if each["name"] == "ssh-templates"]
    assert volume["configMap"]["name"] == "own-templates"
    policy = of_kind(manifests, "NetworkPolicy")["registration"]["spec"]["egress"]
    assert any(
        peers(rule) == {"validation"} and rule["ports"][0]["port"] == 9080 for rule in policy
    )
    without = of_kind(render("mode=split"), "Deployment")["registration"]["spec"]["template"][
        "spec"
    ]
    assert "ssh-templates" not in {each["name"] for each in without["volumes"]}


def test_ssh_of_the_standalone_authority_is_a_flag() -> None:
    for settings, expected in ((["ssh.enabled=true"], True), ([], False)):
        stateful = of_kind(render(*settings), "StatefulSet")["standalone"]
        args = stateful["spec"]["template"]["spec"]["containers"][0]["args"]
        assert ("--ssh" in args) is expected
        assert parse(args).ssh is expected
