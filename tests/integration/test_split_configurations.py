"""The configurations of deploy/: every service takes them, and `make split` changes places only."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from deploy.split.adapting import FILES, adapt
from deploy.split.layout import PORTS_TAKEN, SERVICES, Addresses, Layout

from newel.crypto import oids
from newel.runtime.config import validate
from newel.runtime.process.process_config import RuntimeConfig
from newel.signer.ceremony.plan import Plan
from newel.signer.config import Config as SignerConfig

LAYOUT = Layout(Path("/state"))
ADDRESSES = Addresses("127.0.0.1:9000", "127.0.0.1:9080", 9100, workers=3)
MODULE = Path("/lib/softhsm.so")

CEREMONIES = (
    "ceremony",
    "ceremony-crl",
    "ceremony-dashboard",
    "ceremony-responder",
    "ceremony-services",
)
PLACES = ("127.0.0.1:", "localhost:", "/state/", "/lib/softhsm.so", "dns:///127.0.0.1:")


def read(service: str) -> dict[str, Any]:
    return tomllib.loads(FILES[f"{service}.toml"].read_text())


@pytest.mark.parametrize("service", SERVICES)
def test_every_configuration_is_one_its_service_takes(service: str, tmp_path: Path) -> None:
    text = adapt(FILES[f"{service}.toml"].read_text(), service, Layout(tmp_path), ADDRESSES, MODULE)
    (tmp_path / "secrets/registration").mkdir(parents=True)
    (tmp_path / "secrets/registration/provisioners.json").write_text("[]")
    table = tomllib.loads(text)
    validate(RuntimeConfig, table.pop("runtime"), service)
    config = import_module(f"newel.{service}.config")
    validate(getattr(config, "ProcessConfig", config.Config), table, service)


@pytest.mark.parametrize("service", [*SERVICES, *CEREMONIES])
def test_one_machine_changes_places_and_workers_only(service: str) -> None:
    shared = read(service)
    ours = tomllib.loads(
        adapt(FILES[f"{service}.toml"].read_text(), service, LAYOUT, ADDRESSES, MODULE)
    )

    def compare(before: Any, after: Any, where: str) -> None:
        assert type(before) is type(after), where
        if isinstance(before, dict):
            assert before.keys() == after.keys(), where
            for key in before:
                compare(before[key], after[key], f"{where}.{key}")
        elif isinstance(before, list):
            assert len(before) == len(after), where
            for index, item in enumerate(before):
                compare(item, after[index], f"{where}[{index}]")
        elif before != after:
            assert where.endswith(".workers") or any(place in after for place in PLACES), where

    compare(shared, ours, service)


def test_the_signer_s_rules_follow_from_the_profiles(tmp_path: Path) -> None:
    """The program that prints them, and a signer that takes them in place of its own."""
    issuing = tmp_path / "issuing.toml"
    profile = '[profiles.leaf]\ncaller_usages = ["codeSigning"]\ncaller_extensions = ["1.3.6.1.4.1.32473.8"]\n'
    issuing.write_text(FILES["issuing.toml"].read_text().replace("[urls]", f"{profile}[urls]"))
    command = [sys.executable, "-m", "newel.issuing.signer_rules", "--config", str(issuing)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    signer = read("signer")
    signer.pop("runtime")
    signer["keys"][0]["certificates"] = tomllib.loads(text)["keys"]["certificates"]
    rules = validate(SignerConfig, signer, "signer").keys[0].certificates
    assert rules is not None
    assert oids.CODE_SIGNING in rules.extended_key_usages
    assert rules.other_extensions == ("1.3.6.1.4.1.32473.8",)
    issuing.write_text('[profiles.leaf]\ncaller_usages = ["codesigning"]\n')
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "there is no usage 'codesigning'" in refused.stderr


def test_nobody_listens_beyond_the_loopback_and_no_address_is_used_twice() -> None:
    heard: list[str] = []
    for name, source in FILES.items():
        owner = name.partition(".")[0]
        text = adapt(source.read_text(), owner, LAYOUT, ADDRESSES, MODULE)
        assert "0.0.0.0" not in text
        assert "/etc/newel" not in text
        if owner not in SERVICES:
            continue
        runtime = tomllib.loads(text)["runtime"]
        heard += [runtime["health"], *filter(None, [runtime.get("grpc")])]
        heard += [each["address"] for each in runtime.get("listen", {}).values()]
    assert len(heard) == len(set(heard)) == 7 + 3 + 5
    ports = ADDRESSES.ports.values()
    assert len(set(ports)) == len(ports)
    assert max(ports) < ADDRESSES.first + PORTS_TAKEN


def test_callers_are_those_of_the_design() -> None:
    """registration → issuing, inventory; issuing → signer; validation → issuing, signer; inventory → issuing;
    alerting → inventory. The dashboard calls interfaces for people alone."""
    calls = {service: set(read(service)["runtime"].get("channels", {})) for service in SERVICES}
    assert calls == {
        "registration": {"issuing", "inventory"},
        "issuing": {"signer"},
        "validation": {"issuing", "signer"},
        "inventory": {"issuing"},
        "signer": set(),
        "alerting": {"inventory"},
        "dashboard": set(),
    }
    signer, issuing = read("signer"), read("issuing")
    assert signer["certificate_callers"] == ["issuing"]
    assert signer["status_callers"] == ["validation"]
    assert issuing["issuance_callers"] == ["registration"]
    assert read("inventory")["administrators_callers"] == ["alerting", "registration"]


def test_no_running_service_is_told_of_a_root_key() -> None:
    """The fifth wall: the ceremony alone names the offline token."""
    for service in SERVICES:
        text = FILES[f"{service}.toml"].read_text()
        assert "offline" not in text
        assert '"roots"' not in text
    plan = validate(Plan, read("ceremony"), "ceremony")
    offline = {
        each.name for each in plan.certificates if getattr(each.store, "token", "") == "roots"
    }
    assert offline == {each.name for each in plan.certificates if each.role == "root"}


@pytest.mark.parametrize("name", CEREMONIES)
def test_every_ceremony_can_be_held(name: str) -> None:
    plan = validate(Plan, read(name), name)
    first = validate(Plan, read("ceremony"), "ceremony")
    if name != "ceremony":
        assert not set(plan.files()) & set(first.files())
        for issuer in plan.existing:
            made = next(each for each in first.certificates if each.name == issuer.name)
            assert (issuer.store, issuer.certificate) == (made.store, made.certificate)


def test_services_get_the_same_names_again() -> None:
    first, dashboard, again = (
        {
            each.name: each.dns_names
            for each in validate(Plan, read(name), name).certificates
            if each.dns_names
        }
        for name in ("ceremony", "ceremony-dashboard", "ceremony-services")
    )
    assert first | dashboard == again
