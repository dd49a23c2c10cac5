"""`newel config`: every fault of a file is named, and every value shown with where it is from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fixtures.processes import free_port
from newel.runtime.clock import SystemClock
from newel.standalone.configuration.command import main
from newel.standalone.configuration.effective import hide
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse

ISSUING = """
[[issuers]]
key = "intermediate"
certificate_file = "/etc/newel/ca.crt"
root_file = ["/etc/newel/root.crt"]

[runtime]
grpc = "0.0.0.0:9090"
log_levle = "info"

[profiles.leaf]
max_duration = "soon"
colour = "red"
"""


@pytest.fixture(scope="module")
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that was made, and serves nothing."""
    state = tmp_path_factory.mktemp("config") / "state"
    words = ["--state", str(state), "--http-address", f"127.0.0.1:{free_port()}"]
    create(Layout(state), parse(words), SystemClock().now())
    return state


@pytest.fixture
def state(new_authority: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_authority, tmp_path / "state"))


def edit(state: Path, **members: Any) -> dict[str, Any]:
    file = state / "config/ca.json"
    document: dict[str, Any] = json.loads(file.read_text()) | members
    file.write_text(json.dumps(document))
    return document


def test_a_sound_file_has_no_fault(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = state / "config/ca.json"
    for named in (state, file):
        assert main(["check", str(named)]) == 0
        assert capsys.readouterr().out == f"{file}: nothing is wrong\n"


def test_every_fault_is_named_with_its_path(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newel = {"logLevl": "info", "connections": {"listener": "many"}}
    edit(state, adress="x", tls={"minVersoin": 1.2}, newel=newel)
    assert main(["check", str(state), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    found = {each["path"]: each["text"] for each in told["faults"]}
    assert found["adress"] == "unknown member; did you mean 'address'?"
    assert found["newel.logLevl"] == "unknown setting; did you mean 'logLevel'?"
    assert {"newel.connections.listener"} < set(found)
    assert "tls.minVersoin" in found


@pytest.mark.parametrize(
    ("change", "place", "says"),
    [
        ({"root": "gone.crt"}, "root", "gone.crt: no such file or directory"),
        ({"address": "127.0.0.1:http"}, "address", "cannot listen"),
        ({"crt": ""}, "crt, key", "missing"),
    ],
)
def test_what_the_start_would_refuse_is_found_without_starting(
    state: Path, change: dict[str, Any], place: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(state, **change)
    assert main(["check", str(state)]) == 1
    line = capsys.readouterr().out
    assert f"ca.json: {place}: " in line
    assert says in line


def test_what_is_no_json_is_told_with_its_line(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = state / "config/ca.json"
    file.write_text(file.read_text().replace("{", "{\n\n,", 1))
    assert main(["check", str(file)]) == 1
    assert f"{file}: line 3, column 1: " in capsys.readouterr().out


def test_a_file_of_a_service_is_read_as_that_service_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "issuing.toml"
    file.write_text(ISSUING)
    assert main(["check", str(file), "--json"]) == 1
    found = {each["path"]: each["text"] for each in json.loads(capsys.readouterr().out)["faults"]}
    assert found["runtime.log_levle"] == "unknown setting; did you mean 'log_level'?"
    assert found["profiles.leaf.colour"] == "unknown setting"
    assert "profiles.leaf.max_duration" in found
    file.rename(tmp_path / "other.toml")
    assert main(["check", str(tmp_path / "other.toml")]) == 1
    assert "Name one by --service: alerting, inventory, issuing" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "other.toml"), "--service", "signer"]) == 1
    assert "issuers: unknown setting" in capsys.readouterr().out


def show(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, tuple[Any, str]]:
    assert main(["show", *words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {row["path"]: (row["value"], row["origin"]) for row in rows}


def test_each_value_is_shown_with_where_it_is_from(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newel = {"logLevel": "debug", "issuing": {"profiles": {"leaf": {"minDuration": "1m"}}}}
    edit(state, newel=newel)
    shown = show(capsys, str(state), "--effective", "--address", "127.0.0.1:1")
    assert shown["address"] == ("127.0.0.1:1", "flag")
    assert shown["dnsNames"][1] == "file"
    assert shown["newel.logLevel"] == ("debug", "file")
    assert shown["newel.accessLog"] == (True, "default")
    assert shown["newel.connections.idleSeconds"] == (75, "default")
    assert shown["newel.issuing.profiles.leaf.minDuration"] == ("1m0s", "file")
    assert shown["newel.issuing.urls.ocsp"][1] == "derived"
    given = show(capsys, str(state))
    assert "newel.accessLog" not in given
    assert given["newel.logLevel"] == ("debug", "file")


def test_no_secret_is_shown(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads((state / "config/ca.json").read_text())
    document["authority"]["provisioners"] += [
        {"type": "SCEP", "name": "phones", "challenge": "hidden-1", "minimumPublicKeyLength": 2048},
        {"type": "OIDC", "name": "people", "clientID": "id", "clientSecret": "hidden-2",
         "configurationEndpoint": "https://accounts.example/.well-known/openid-configuration"},
    ]  # fmt: skip # records
    source = "postgresql://user:hidden-3@db.example/newel"
    edit(state, authority=document["authority"], db={"type": "postgresql", "dataSource": source})
    shown = show(capsys, str(state), "--effective")
    text = json.dumps(shown)
    assert "hidden-" not in text
    assert shown["db.dataSource"][0] == "postgresql://user:(hidden)@db.example/newel"
    names = [each["name"] for each in shown["authority.provisioners"][0]]
    assert names[-2:] == ["phones", "people"]
    assert shown["authority.provisioners"][0][0]["encryptedKey"] == "(hidden)"


@pytest.mark.parametrize(
    ("source", "shown_as"),
    [
        ("postgresql://u:leak@leak:leak@db/newel", "postgresql://u:(hidden)@db/newel"),
        (r"host=db password='leak\'leak leak' user=u", "host=db password=(hidden) user=u"),
        (r"host=db password=leak\ leak;leak user=u", "host=db password=(hidden) user=u"),
        (
            "postgresql://u@db/newel?password=leak&sslmode=require",
            "postgresql://u@db/newel?password=(hidden)&sslmode=require",
        ),
    ],
)
def test_a_password_is_hidden_to_its_end(
    state: Path, source: str, shown_as: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(state, db={"type": "postgresql", "dataSource": source})
    shown = show(capsys, str(state), "--effective")
    assert "leak" not in json.dumps(shown)
    assert shown["db.dataSource"][0] == shown_as


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("nats://leak@bus:4222", "nats://(hidden)@bus:4222"),
        ("https://hook.example/x?token=leak&y=1", "https://hook.example/x?token=(hidden)&y=1"),
        ("https://hook.example/x?api_key=leak", "https://hook.example/x?api_key=(hidden)"),
        ("pkcs11:token=ca?pin-value=leak", "pkcs11:token=ca?pin-value=(hidden)"),
        ("postgresql://user@db/newel", "postgresql://user@db/newel"),
        ("https://ca.example:9000/@x", "https://ca.example:9000/@x"),
    ],
)
def test_tokens_in_addresses_are_hidden(text: str, hidden: str) -> None:
    assert hide(text) == hidden


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "{state}", "--service", "issuing"], "is of every service"),
        (["show", "{state}/issuing.toml", "--address", ":1"], "flags of 'newel up'"),
        (["show", "{state}/none/ca.json"], "no such file"),
        (["show", "{state}/issuing.toml"], "log_levle"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(
    state: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "issuing.toml").write_text(ISSUING)
    assert main([word.format(state=state) for word in words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("newel config: ")
    assert says in said
    assert said.count("\n") == 1
