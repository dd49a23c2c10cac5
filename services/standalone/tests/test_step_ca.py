"""The command line of `step-ca`: what is meant by its flags, by contexts, and what is refused."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from newel.crypto import keys
from newel.standalone.layout import Layout
from newel.standalone.settings import read_settings
from newel.standalone.step_ca.command import add_passwords, main, require_passwords, resolve_server
from newel.standalone.step_ca.contexts import find_configuration
from newel.standalone.step_ca.flags import Flags, UsageError, locate, parse
from newel.standalone.step_ca.passwords import (
    Key,
    PasswordError,
    collect,
    keep_in_memory,
    read,
    require_opens,
)

VERSION = "Newel CA/0 (linux/amd64)"
PASSWORD = b"a password"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STEP_CA_TOKEN", "STEP_CA_QUIET", "STEP_CA_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STEPPATH", str(tmp_path / "step"))


def make_key(path: Path, password: bytes = PASSWORD) -> Path:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    key = keys.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["ca.json", "--password-file", "p", "--resolver=1.1.1.1:53", "--quiet"],
        ["--password-file=p", "--quiet", "ca.json", "--resolver", "1.1.1.1:53"],
        ["-password-file", "p", "-quiet", "-resolver=1.1.1.1:53", "ca.json"],
    ],
)
def test_flags_stand_before_and_after_the_file_with_one_dash_or_two(words: list[str]) -> None:
    assert parse(words, VERSION) == Flags(
        "ca.json", "", "p", "", "", "", "1.1.1.1:53", True, 0, 0, ""
    )


def test_the_environment_of_the_original_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_CA_QUIET", "true")
    monkeypatch.setenv("STEP_CA_CONTEXT", "mybiz")
    given = parse([], VERSION)
    assert (given.quiet, given.context) == (True, "mybiz")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--acme-http-port", "80"], "flag '--acme-http-port' requires the '--insecure' flag"),
        (["--acme-tls-port", "44"], "flag '--acme-tls-port' requires the '--insecure' flag"),
        (["--nosuch"], "flag provided but not defined: -nosuch"),
        (["a", "b"], "too many positional arguments were provided in 'step-ca <config> "),
        (["--token", "t"], "flag '--token' links a step-ca to Smallstep's hosted service"),
        (["onboard", "token"], "step-ca onboard: the onboarding guide is Smallstep's hosted"),
        (["export"], "step-ca export: exports of a configuration serve Smallstep's hosted"),
        (["--insecure", "--acme-http-port", "x"], "'x' is not a port"),
        (["--insecure", "--acme-http-port", "65536"], "'65536' is not a port"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r".") as refused:
        parse(words, VERSION)
    assert says in str(refused.value)
    assert main(words) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-v"]])
def test_the_version_is_printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Newel CA/")


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_help_names_every_flag(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for flag in (
        "password-file", "ssh-host-password-file", "ssh-user-password-file", "issuer-password-file",
        "resolver", "token", "quiet", "context", "acme-http-port", "acme-tls-port", "acme-strict-fqdn",
        "pidfile", "insecure", "version",
    ):  # fmt: skip # a list of words
        assert f"--{flag}" in said


def test_a_missing_file_is_explained_as_the_original_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["no/such/ca.json"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("step-ca can't find or open the configuration file for your CA.\n")
    assert "`step ca init`" in said


def write_contexts(base: Path, current: str = "") -> None:
    base.mkdir()
    row = {"authority": "acme-corp", "profile": "p"}
    (base / "contexts.json").write_text(json.dumps({"mybiz": row}))
    if current:
        (base / "current-context.json").write_text(json.dumps({"context": current}))


def test_the_file_is_the_contexts_else_that_of_steppath(tmp_path: Path) -> None:
    base = tmp_path / "step"
    assert find_configuration("", "") == (str(base / "config/ca.json"), "")
    assert find_configuration("own.json", "") == ("own.json", "")
    write_contexts(base)
    own = str(base / "authorities/acme-corp/config/ca.json")
    assert find_configuration("", "") == (str(base / "config/ca.json"), "")
    assert find_configuration("", "mybiz") == (own, "mybiz")
    (base / "current-context.json").write_text(json.dumps({"context": "mybiz"}))
    assert find_configuration("", "") == (own, "mybiz")
    assert find_configuration("other.json", "mybiz") == ("other.json", "mybiz")


def test_a_context_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_contexts(tmp_path / "step")
    assert main(["--context", "x"]) == 1
    assert capsys.readouterr().err == 'context "x" not found\n'
    (tmp_path / "step/contexts.json").write_text("[]")
    assert main([]) == 1
    assert "contexts.json: an object is expected" in capsys.readouterr().err


def test_the_state_is_the_folder_whose_config_holds_the_file(tmp_path: Path) -> None:
    assert locate(str(tmp_path / "config/ca.json")) == tmp_path
    assert locate(str(tmp_path / "ca.json")) == tmp_path


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", "192.0.2.1:53"),
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ("2001:db8::1", "[2001:db8::1]:53"),
    ],
)
def test_a_resolver_has_a_port_or_the_usual_one(text: str, server: str) -> None:
    assert resolve_server(text) == server


def test_a_resolver_that_is_no_address_is_named() -> None:
    with pytest.raises(OSError, match=r"--resolver no\.such\.host\.invalid:53: "):
        resolve_server("no.such.host.invalid:53")


def test_a_password_file_may_end_with_white_space_and_may_be_open_to_all(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_bytes(PASSWORD + b" \r\n")
    file.chmod(0o600)
    assert read(str(file)) == PASSWORD
    key = make_key(tmp_path / "key")
    assert collect([Key(key, str(file))]) == [file]
    file.chmod(0o644)
    (copy,) = collect([Key(key, str(file))])
    assert copy is not None
    assert copy.read_bytes() == PASSWORD
    assert not copy.stat().st_mode & 0o077


def test_a_password_file_for_several_keys_is_read_and_warned_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_to_all = tmp_path / "password"
    open_to_all.write_bytes(PASSWORD)
    open_to_all.chmod(0o644)
    wanted = [Key(make_key(tmp_path / name), str(open_to_all)) for name in ("ca", "user", "host")]
    first, *others = collect(wanted)
    assert others == [first, first]
    assert caplog.text.count("others may read this password") == 1


def test_each_key_gets_its_own_password_although_another_is_not_there(tmp_path: Path) -> None:
    for name in ("ca", "user"):
        make_key(tmp_path / name)
        (tmp_path / f"{name}.password").write_bytes(PASSWORD)
        (tmp_path / f"{name}.password").chmod(0o600)
    written = {
        "root": "root.crt",
        "crt": "ca.crt",
        "key": "ca",
        "dnsNames": ["localhost"],
        "authority": {},
        "ssh": {"userKey": "user"},
    }
    layout = Layout(tmp_path, given_config=tmp_path / "ca.json")
    layout.ca_json.write_text(json.dumps(written))
    main_file, own = tmp_path / "ca.password", tmp_path / "user.password"
    words = ["--password-file", str(main_file), "--ssh-user-password-file", str(own)]
    settings = read_settings(layout)
    found = add_passwords(layout, settings, parse(words, VERSION))
    assert (found.given_password, found.given_ssh_passwords) == (main_file, (main_file, own))
    require_passwords(found, settings)
    own.write_bytes(b"another")
    with pytest.raises(PasswordError, match=r"error decrypting .*/user:"):
        require_passwords(found, settings)


def test_an_unencrypted_key_needs_no_password(tmp_path: Path) -> None:
    assert collect([Key(make_key(tmp_path / "key", b""), "")]) == [None]


def test_a_password_in_memory_is_a_file_of_this_process_alone() -> None:
    assert keep_in_memory(PASSWORD).read_bytes() == PASSWORD


def test_a_wrong_password_is_told_as_the_original_does(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    require_opens(key, PASSWORD)
    with pytest.raises(PasswordError) as refused:
        require_opens(key, b"another")
    assert str(refused.value) == f"error decrypting {key}: x509: decryption password incorrect"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file or directory"),
        (b"nonsense", "error reading "),
        (
            b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            "error reading ",
        ),
    ],
)
def test_a_key_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PasswordError, match=says):
        collect([Key(path, "")])


def test_a_password_file_that_is_missing_is_told_as_the_original_does(tmp_path: Path) -> None:
    with pytest.raises(PasswordError) as refused:
        collect([Key(make_key(tmp_path / "key"), "nope")])
    assert str(refused.value) == "error reading nope: open nope: no such file or directory"
