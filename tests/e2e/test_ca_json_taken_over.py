"""Configurations as the real `step ca init` and `step ca provisioner add` write them, taken over and reloaded."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, others, run, serve_newel, wait_until

STEP = others("step")
DATABASE = "this authority keeps SQLite files of its own"
pytestmark = pytest.mark.needs("step")

SHAPES = {
    "plain": [],
    "acme": ["--acme"],
    "ssh": ["--ssh"],
    "remote-management": ["--remote-management"],
    "acme and ssh": ["--acme", "--ssh"],
    "everything": ["--acme", "--ssh", "--remote-management"],
    "several names": ["--dns", "ca.lab", "--dns", "127.0.0.1", "--dns", "::1"],
    "one address": ["--address", "127.0.0.1:9443"],
    "without a database": ["--no-db"],
    "an address of clients": ["--with-ca-url", "https://ca.lab:9000"],
    "a root of before": ["--root", "{folder}/root.crt", "--key", "{folder}/root.key"],
    "a context": ["--context", "lab"],
}  # fmt: skip # a command line
LEAF = '{"sans": {{ toJson .SANs }}}'
LIMITS = [
    "--x509-min-dur",
    "10m",
    "--x509-max-dur",
    "720h",
    "--x509-default-dur",
    "48h",
    "--disable-renewal",
]
ADDED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "limits": (["--type", "JWK", "--create", "--password-file", "{folder}/pw", *LIMITS],
               {"claims": {"minTLSCertDuration": "10m0s", "maxTLSCertDuration": "720h0m0s",
                           "defaultTLSCertDuration": "48h0m0s", "disableRenewal": True}}),
    "a template": (["--type", "ACME", "--x509-template", "{folder}/leaf.tpl"],
                   {"options": {"x509": {"template": LEAF}}}),
    "an ACME of its own": (["--type", "ACME", "--require-eab", "--challenge", "dns-01", "--force-cn"],
                           {"requireEAB": True, "challenges": ["dns-01"], "forceCN": True}),
}  # fmt: skip # command lines
"""What the real `step ca provisioner add` writes, and what of it is listed."""


def step(state: Path, *words: str | Path) -> None:
    run([STEP, *words], env={**os.environ, "STEPPATH": str(state)}, cwd=state.parent)


def init(folder: Path, *more: str) -> Path:
    state, password = folder / "home", folder / "pw"
    password.write_text("p4ss")
    password.chmod(0o600)
    step(
        state, "ca", "init", "--name", "T", "--dns", "localhost", "--address", ":9000", "--provisioner",
        "admin", "--deployment-type", "standalone", "--password-file", password, *more,
    )  # fmt: skip # a command line
    return state


def with_more(text: str, **members: Any) -> str:
    """A file with other members and one provisioner more, which must not be taken over."""
    ca = json.loads(text) | members
    ca["authority"]["provisioners"].append({"type": "ACME", "name": "new"})
    return json.dumps(ca)


def warnings(authority: Authority) -> list[str]:
    """What the log says of the configuration."""
    lines = [json.loads(line) for line in authority.log.read_text().splitlines() if line[:1] == "{"]
    ours = ("ca.json: ", "the provisioner ", "not reloaded")
    return [each["message"] for each in lines if each.get("message", "").startswith(ours)]


def list_provisioners(authority: Authority) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in authority.get("/provisioners?limit=100")["provisioners"]}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_ca_init_writes_starts_and_says_what_is_not_there(tmp_path: Path, shape: str) -> None:
    if shape == "a root of before":
        step(
            tmp_path, "certificate", "create", "Old Root", tmp_path / "root.crt", tmp_path / "root.key",
            "--profile", "root-ca", "--no-password", "--insecure",
        )  # fmt: skip # a command line
    state = init(tmp_path, *(each.format(folder=tmp_path) for each in SHAPES[shape]))
    if shape == "a context":
        state /= "authorities/lab"
    before = (state / "config/ca.json").read_bytes()
    with serve_newel(
        state,
        free_port(),
        free_port(),
        "--log-format",
        "json",
        "--password-file",
        str(tmp_path / "pw"),
    ) as (
        authority,
        _,
    ):
        said = warnings(authority)
        expected = [] if shape == "without a database" else [f"ca.json: db: {DATABASE}"]
        assert [line[: len(begin)] for line, begin in zip(said, expected, strict=True)] == expected
        assert "Traceback" not in authority.log.read_text()
    assert (state / "config/ca.json").read_bytes() == before


def contains(whole: Any, part: Any) -> bool:
    """Tell whether one value has every member of another."""
    if isinstance(part, dict):
        members = cast("dict[str, Any]", part)
        return all(contains(whole.get(name), value) for name, value in members.items())
    return whole == part


def test_provisioners_with_options_start_as_the_original_wrote_them(tmp_path: Path) -> None:
    state = init(tmp_path)
    (tmp_path / "leaf.tpl").write_text(LEAF)
    for name, (flags, _) in ADDED.items():
        words = [each.format(folder=tmp_path) for each in flags]
        step(
            state, "ca", "provisioner", "add", name, *words, "--ca-config", state / "config/ca.json"
        )
    before = (state / "config/ca.json").read_bytes()
    password = ("--password-file", str(tmp_path / "pw"))
    with serve_newel(state, free_port(), free_port(), "--log-format", "json", *password) as (
        authority,
        _,
    ):
        found = list_provisioners(authority)
        for name, (_, members) in ADDED.items():
            assert contains(found[name], members), found[name]
            assert "state" not in found[name]
    assert (state / "config/ca.json").read_bytes() == before


ROOTS = "--x5c-roots={state}/certs/root_ca.crt"
KINDS: dict[str, list[str]] = {
    "ACME": ["--type", "ACME"],
    "X5C": ["--type", "X5C", ROOTS],
    "SSHPOP": ["--type", "SSHPOP"],
    "K8sSA": ["--type", "K8sSA", "--public-key={state}/k8s.pub"],
    "SCEP": ["--type", "SCEP", "--challenge", "S3CRET-challenge", "--encryption-algorithm-identifier", "2"],
    "OIDC": ["--type", "OIDC", "--client-id", "c", "--client-secret", "S3CRET", "--configuration-endpoint",
             "https://localhost:1"],
    "AWS": ["--type", "AWS", "--aws-account", "1"],
    "GCP": ["--type", "GCP", "--gcp-service-account", "1", "--gcp-project", "p"],
    "Azure": ["--type", "Azure", "--azure-tenant", "t"],
}  # fmt: skip # a command line


def test_provisioners_of_every_kind_start_and_those_that_cannot_work_are_off(
    tmp_path: Path,
) -> None:
    state = init(tmp_path)
    step(
        state,
        "crypto",
        "keypair",
        state / "k8s.pub",
        state / "k8s.key",
        "--insecure",
        "--no-password",
    )
    for kind, flags in KINDS.items():
        words = [word.format(state=state) for word in flags]
        # the original asks the provider before it writes the same record, and there is none here
        program = NEWEL if kind in {"OIDC", "GCP", "Azure"} else STEP
        adding = [program, "ca", "provisioner", "add", f"my-{kind}", *words]
        run(
            [*adding, "--ca-config", state / "config/ca.json"],
            env={**os.environ, "STEPPATH": str(state)},
        )
    written = {
        each["type"]
        for each in json.loads((state / "config/ca.json").read_text())["authority"]["provisioners"]
    }
    assert "K8SSA" in written or "K8sSA" in written
    with serve_newel(
        state,
        free_port(),
        free_port(),
        "--log-format",
        "json",
        "--password-file",
        str(tmp_path / "pw"),
    ) as (
        authority,
        _,
    ):
        found = list_provisioners(authority)
        on = {name for name, each in found.items() if "state" not in each}
        assert on >= {
            "admin",
            *(f"my-{kind}" for kind in ("ACME", "X5C", "SSHPOP", "K8sSA", "SCEP", "AWS")),
        }
        assert found["my-OIDC"]["stateReason"]  # no provider is there
        assert "S3CRET-challenge" not in json.dumps(found)


def refusal(state: Path, password: Path) -> str:
    done = subprocess.run(
        [NEWEL, "up", "--state", state, "--address", f"127.0.0.1:{free_port()}", "--password-file", password],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def edit(state: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = state / "config/ca.json"
    ca = json.loads(file.read_text())
    change(ca)
    file.write_text(json.dumps(ca))


def test_what_would_issue_too_much_does_not_start(tmp_path: Path) -> None:
    """A policy that cannot be read, challenges of Wire and a linked authority, all at once."""
    state = init(tmp_path, "--acme")

    def change(ca: dict[str, Any]) -> None:
        ca["authority"]["policy"] = {"x509": {"allow": {"dns": ["*.lab", "*.*"]}}}
        ca["authority"]["deploymentType"] = "linked"
        ca["authority"]["provisioners"][1]["options"] = {"wire": {"dpop": {"key": "k"}}}

    edit(state, change)
    said = refusal(state, tmp_path / "pw")
    assert said.count("\n") == 1
    assert said.startswith(
        f"newel up: {state}/config/ca.json: authority.policy.x509.allow.dns[1]: '*.*': "
    )
    assert "authority.deploymentType: " in said
    assert "authority.provisioners[1].options.wire: " in said


def test_a_key_in_a_key_service_is_refused_with_what_to_do(tmp_path: Path) -> None:
    state = init(tmp_path)
    edit(state, lambda ca: ca.update(key="tpmkms:name=ca", kms={"type": "tpmkms"}))
    assert "kms.type: keys are encrypted files" in refusal(state, tmp_path / "pw")
    edit(state, lambda ca: ca.pop("kms"))
    assert "key: it is the URI of a 'tpmkms' store" in refusal(state, tmp_path / "pw")


def test_a_reload_that_is_refused_keeps_all_of_what_was(tmp_path: Path) -> None:
    state = init(tmp_path, "--acme")
    file = state / "config/ca.json"
    good = file.read_text()
    with serve_newel(
        state,
        free_port(),
        free_port(),
        "--log-format",
        "json",
        "--password-file",
        str(tmp_path / "pw"),
    ) as (
        authority,
        process,
    ):
        before = list_provisioners(authority)
        for number, (text, why) in enumerate(
            (
                (good[: len(good) // 2], "line "),
                (good.replace('"ACME"', '"LDAP"'), "authority.provisioners[1].type: "),
                (
                    good.replace(
                        '"name": "acme"', '"name": "acme", "options": {"webhooks": [{"a": 1}]}'
                    ),
                    "authority.provisioners[1].options.webhooks[0].a: ",
                ),
                (
                    good.replace('"name": "acme"', '"name": "acme", "newel": {"profile": "no"}'),
                    "authority.provisioners[1].newel.profile: there is no profile 'no'",
                ),
                (good.replace('"crt"', '"ctr"'), "ctr: unknown member; did you mean 'crt'?"),
                (with_more(good, crt="nowhere.crt"), "crt: "),
                (with_more(good, key="nowhere.key"), "key: "),
                (with_more(good, root=["nowhere.crt"]), "root: "),
                (with_more(good, federatedRoots=["config/ca.json"]), "federatedRoots: "),
                (with_more(good, address=""), "address: missing"),
            ),
            start=1,
        ):
            file.write_text(text)
            process.send_signal(signal.SIGHUP)
            wait_until(
                lambda number=number: authority.log.read_text().count("not reloaded: ") == number
            )
            last = [line for line in warnings(authority) if "not reloaded" in line][-1]
            assert last.startswith(f"not reloaded: {file}: {why}"), last
            assert last.endswith("; continuing with the previous configuration")
            assert list_provisioners(authority) == before
        file.write_text(
            good.replace('"localhost"', '"localhost", "other"').replace('"acme"', '"web"')
        )
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "web" in list_provisioners(authority))
        wait_until(
            lambda: "reloaded: dnsNames takes effect at the next start" in authority.log.read_text()
        )
        assert "Traceback" not in authority.log.read_text()
        assert "shutting down" not in authority.log.read_text()


def test_a_state_that_was_made_with_absolute_paths_can_be_moved(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    state = init(tmp_path / "old")
    moved = state.rename(tmp_path / "moved")
    with serve_newel(
        moved,
        free_port(),
        free_port(),
        "--log-format",
        "json",
        "--password-file",
        str(tmp_path / "old/pw"),
    ) as (
        authority,
        _,
    ):
        assert list_provisioners(authority)


def test_every_root_is_served_and_the_chain_ends_at_the_one_that_fits(tmp_path: Path) -> None:
    """A root of before in a file of its own, and one in a file with others."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    other, state = init(tmp_path / "a"), init(tmp_path / "b")
    own = (state / "certs/root_ca.crt").read_text()
    old = (other / "certs/root_ca.crt").read_text()
    edit(state, lambda ca: ca.update(root=[str(other / "certs/root_ca.crt"), "certs/root_ca.crt"]))
    flags = ("--log-format", "json", "--password-file", str(tmp_path / "b/pw"))
    with serve_newel(state, free_port(), free_port(), *flags) as (authority, _):
        assert authority.get("/roots")["crts"] == [old, own]
        fingerprints = [
            run([STEP, "certificate", "fingerprint", each / "certs/root_ca.crt"]).stdout.strip()
            for each in (other, state)
        ]
        assert f"root         {state}/certs/root_ca.crt\n" in authority.log.read_text()
        assert [authority.get(f"/root/{each}")["ca"] for each in fingerprints] == [old, own]
    (state / "certs/root_ca.crt").write_text(old + own)
    edit(state, lambda ca: ca.update(root="certs/root_ca.crt"))
    with serve_newel(state, free_port(), free_port(), *flags) as (authority, _):
        assert authority.get("/roots")["crts"] == [old, own]
        with urllib.request.urlopen(f"{authority.http_url}/roots.pem", timeout=5) as answer:  # noqa: S310 - http
            assert answer.read().decode() == old + own
        assert f"root         {state}/certs/root_ca.crt\n" in authority.log.read_text()
