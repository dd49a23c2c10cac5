"""What the first start makes, and what a half-made state or a wrong configuration leads to."""

import datetime as dt
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from newel.crypto import keys
from newel.jose import jwe
from newel.runtime.config import ConfigError
from newel.standalone import models, unfinished
from newel.standalone.command import lock
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import Options, parse
from newel.standalone.settings import read_settings

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def options(state: Path, *more: str) -> Options:
    return parse(["--state", str(state), *more])


@pytest.fixture(scope="module")
def first_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    state = tmp_path_factory.mktemp("made") / "state"
    layout = Layout(state)
    create(layout, options(state, "--name", "Acme", "--dns", "ca.example,10.0.0.1"), NOW)
    return layout


def test_the_state_is_laid_out_as_a_steppath(first_layout: Layout) -> None:
    root = x509.load_pem_x509_certificate(first_layout.root_certificate.read_bytes())
    issuer = x509.load_pem_x509_certificate(first_layout.intermediate_certificate.read_bytes())
    issuer.verify_directly_issued_by(root)
    assert root.subject.rfc4514_string() == "CN=Acme Root CA,O=Acme"
    lengths = [
        certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        for certificate in (root, issuer)
    ]
    assert lengths == [1, 0]
    assert root.not_valid_after_utc - root.not_valid_before_utc > dt.timedelta(days=3640)
    defaults = json.loads(first_layout.defaults_json.read_text())
    assert defaults["ca-url"] == "https://ca.example:9000"
    assert "root" not in defaults  # it is where every STEPPATH has it, wherever that is moved to
    for secret in (
        first_layout.root_key,
        first_layout.intermediate_key,
        first_layout.responder_key,
        first_layout.password,
    ):
        assert secret.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in first_layout.root_key.read_bytes()


@pytest.mark.parametrize(
    ("data", "password"),
    [
        (b"\xef\xbb\xbfc\xc3\xb4te\r\n", b"c\xc3\xb4te"),
        (b"\xff\xfe" + "c\u00f4te\r\n".encode("utf-16-le"), b"c\xc3\xb4te"),
        (b"c\xf4te\n", b"c\xf4te"),
    ],
)
def test_one_password_opens_the_keys_and_the_provisioner(
    tmp_path: Path, data: bytes, password: bytes
) -> None:
    file, state = tmp_path / "password", tmp_path / "state"
    file.write_bytes(data)
    file.chmod(0o600)
    layout = Layout(state, file)
    create(layout, options(state, "--password-file", str(file)), NOW)
    provisioners = read_settings(layout).authority.provisioners or []
    assert json.loads(jwe.decrypt_with_password(provisioners[0]["encryptedKey"], password))["d"]
    assert keys.load_private_key(layout.intermediate_key.read_bytes(), password)


def test_the_provisioners_are_admin_with_an_escrowed_key_and_acme(first_layout: Layout) -> None:
    provisioners = read_settings(first_layout).authority.provisioners or []
    assert [(p["type"], p["name"]) for p in provisioners] == [("JWK", "admin"), ("ACME", "acme")]
    password = first_layout.password.read_text().strip().encode()
    private = json.loads(jwe.decrypt_with_password(provisioners[0]["encryptedKey"], password))
    assert private["x"] == provisioners[0]["key"]["x"]
    assert "d" not in provisioners[0]["key"]


def test_ca_json_maps_onto_every_service(first_layout: Layout) -> None:
    settings = read_settings(first_layout)
    assert [key.name for key in models.configure_signer(settings).keys] == ["intermediate", "ocsp"]
    assert models.configure_issuing(settings).urls.ocsp == "http://ca.example:9080/ocsp"
    assert models.configure_registration(settings).dns_names == ("ca.example", "10.0.0.1")
    assert models.configure_validation(settings).issuers[0].responder_key == "ocsp"


def test_a_wrong_setting_is_named_and_nothing_starts(first_layout: Layout, tmp_path: Path) -> None:
    ca = json.loads(first_layout.ca_json.read_text())
    del ca["db"]
    for section, says in (
        (
            {"newel": {"valdation": {}}},
            "newel: valdation: unknown setting; did you mean 'validation'",
        ),
        (
            {"newel": {"inventory": {"administratrs": []}}},
            r"newel: inventory\.administratrs: unknown setting; did you mean 'administrators'",
        ),
        (
            {"newel": {"registration": {"acme": {"http01Port": "x"}}}},
            r"registration: acme\.http01_port",
        ),
        ({"newel": {"issuing": {"profiles": {"leaf": {"minDuration": "48h"}}}}}, "out of order"),
        ({"crt": "", "key": ""}, "crt, key: missing"),  # as a registration authority's stands
    ):
        layout = Layout(tmp_path)
        layout.ca_json.parent.mkdir(exist_ok=True)
        layout.ca_json.write_text(json.dumps(ca | section))
        with pytest.raises(ConfigError, match=says):
            models.configure_issuing(read_settings(layout))
            models.configure_registration(read_settings(layout))


def test_a_first_start_that_died_half_way_begins_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    create(layout, options(layout.state), NOW)
    before = layout.root_certificate.read_bytes()
    layout.ca_json.unlink()  # written last: without it the first start did not reach its end
    unfinished.mark(layout).touch()
    create(layout, options(layout.state), NOW)
    assert layout.root_certificate.read_bytes() != before
    assert not unfinished.mark(layout).exists()


def test_a_first_start_that_failed_can_be_typed_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    with pytest.raises(ValueError, match="64 characters"):
        create(layout, replace(options(layout.state), name="x" * 200), NOW)
    assert unfinished.mark(layout).exists()
    create(layout, options(layout.state), NOW)
    assert layout.root_key.exists()
    assert layout.ca_json.exists()


@pytest.mark.parametrize(
    ("kept", "named"),
    [
        ("*/*", "certs/root_ca.crt, secrets/root_ca_key, "),
        ("secrets/root_ca_key", "has secrets/root_ca_key:"),
        ("certs/root_ca.crt", "has certs/root_ca.crt:"),
        ("config/defaults.json", "has config/defaults.json:"),
    ],
)
def test_a_folder_with_files_of_others_is_left_as_it_is(
    first_layout: Layout, tmp_path: Path, kept: str, named: str
) -> None:
    state = tmp_path / "state"
    for file in first_layout.state.glob(kept):
        if file.is_file() and file != first_layout.ca_json:
            copy = state / file.relative_to(first_layout.state)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    before = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="is missing, and ") as refused:
        create(Layout(state), options(state), NOW)
    assert named in str(refused.value)
    assert before == {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}


def test_a_state_has_one_program_at_a_time(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with lock(layout), pytest.raises(OSError, match="in use by another 'newel up'"):
        lock(layout)


@pytest.mark.needs("ssh-keygen")
def test_ssh_keys_are_made_only_when_asked_for(first_layout: Layout, tmp_path: Path) -> None:
    assert read_settings(first_layout).ca.ssh is None
    layout = Layout(tmp_path / "state")
    create(layout, options(layout.state, "--ssh"), NOW)
    names = [key.name for key in models.configure_signer(read_settings(layout)).keys]
    assert names == ["intermediate", "ocsp", "ssh-host", "ssh-user"]
    public = layout.state / "certs/ssh_host_ca_key.pub"
    said = subprocess.run(["ssh-keygen", "-lf", public], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("256 SHA256:")


def test_remote_management_is_there_only_when_asked_for(
    first_layout: Layout, tmp_path: Path
) -> None:
    assert not models.configure_registration(read_settings(first_layout)).remote_management
    layout = Layout(tmp_path / "state")
    create(layout, options(layout.state, "--remote-management"), NOW)
    assert models.configure_registration(read_settings(layout)).remote_management


def test_the_url_of_the_command_line_stands_in_certificates(first_layout: Layout) -> None:
    given = Layout(first_layout.state, given_http_url="http://pki.example/status")
    urls = models.configure_issuing(read_settings(given)).urls
    assert urls.ocsp == "http://pki.example/status/ocsp"
    assert urls.crl.startswith("http://pki.example/status/crl/")


@pytest.mark.parametrize(
    "url",
    ["pki.example", "https://pki.example", "http://", "http://a:b", "http://[::1", "http://a?b", "http://a:0"],
)  # fmt: skip # words in rows
def test_a_url_that_no_certificate_should_name_is_refused(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        options(tmp_path, "--http-url", url)
    assert f"--http-url: {url} is no http:// URL" in capsys.readouterr().err


def test_the_key_signs_what_the_profiles_and_the_front_door_let_through(
    first_layout: Layout,
) -> None:
    ca = json.loads(first_layout.ca_json.read_text())
    ca["newel"] = ca.get("newel", {}) | {
        "issuing": {"profiles": {"leaf": {"callerExtensions": ["1.3.6.1.4.1.311.25.2"]}}},
        "registration": {"latestStart": "48h"},
    }
    first_layout.ca_json.write_text(json.dumps(ca))
    rules = models.configure_signer(read_settings(first_layout)).keys[0].certificates
    assert rules is not None
    assert rules.other_extensions == ("1.3.6.1.4.1.311.25.2",)
    assert rules.latest_start == dt.timedelta(hours=48)
    profile = models.configure_issuing(read_settings(first_layout)).profiles["leaf"]
    assert profile.latest_start == dt.timedelta(hours=48)


def test_the_key_signs_what_a_template_asks_for_where_there_is_a_template(
    first_layout: Layout,
) -> None:
    before = first_layout.ca_json.read_text()
    ca = {**json.loads(before), "newel": {}}
    first_layout.ca_json.write_text(json.dumps(ca))
    rules = models.configure_signer(read_settings(first_layout)).keys[0].certificates
    assert rules is not None
    assert "*" not in (*rules.other_extensions, *rules.extended_key_usages)
    ca["authority"]["provisioners"][0]["options"] = {"x509": {"template": "{}"}}
    first_layout.ca_json.write_text(json.dumps(ca))
    settings = read_settings(first_layout)
    rules = models.configure_signer(settings).keys[0].certificates
    assert rules is not None
    assert (rules.other_extensions, rules.extended_key_usages) == (("*",), ("*",))
    assert models.configure_issuing(settings).profiles["server"].caller_usages == ()
    ca["newel"] = {"issuing": {"profiles": {"leaf": {
        "callerUsages": ["codeSigning"], "callerExtensions": [],
    }}}}  # fmt: skip # a table
    first_layout.ca_json.write_text(json.dumps(ca))
    rules = models.configure_signer(read_settings(first_layout)).keys[0].certificates
    assert rules is not None
    assert not rules.other_extensions
    assert set(rules.extended_key_usages) == {
        "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3",
    }  # fmt: skip # a table
    first_layout.ca_json.write_text(before)
