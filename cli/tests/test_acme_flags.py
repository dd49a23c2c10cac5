"""Flags of `ca certificate --acme` that cannot be, refused before a server is asked or anything is stored."""

from pathlib import Path

import pytest

from newel.cli import main
from newel.cli.errors import CliError

NOBODY = "https://localhost:1/directory"
KEY = "c2VjcmV0"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPPATH", str(tmp_path / "step"))
    (tmp_path / "key").write_text(f'key "k" {{ algorithm hmac-odd; secret "{KEY}"; }};')
    (tmp_path / "none").write_text("nothing")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "flags", "expected"),
    [
        ("*.x.test", "", "can be proved by a DNS record only"),
        ("127.0.0.1", "--dns-hook h", "no DNS record proves it"),
        ("ada@x.test", "", "cannot be proved by ACME"),
        ("x.test", "--dns-hook h --webroot w", "mutually exclusive"),
        ("x.test", "--standalone --webroot w", "mutually exclusive"),
        ("x.test", "--dns-tsig-key key", "requires the '--dns-server' flag"),
        ("x.test", "--dns-tsig-key none --dns-server ::1", "error reading none"),
        ("x.test", "--dns-tsig-key key --dns-server ::1", "TSIG key cannot be used"),
        ("x.test", "--dns-hook h --dns-server 127.0.0.1:x", "leads to no address"),
        ("x.test", "--dns-hook h --dns-wait long", "for flag '--dns-wait'"),
        ("x.test", f"--eab-key {KEY}", "requires the '--eab-key-id' flag"),
        ("x.test", "--eab-key-id k", "requires the '--eab-key-file' flag"),
        ("x.test", "--eab-key-id k --eab-key ?", "is not base64url"),
        ("x.test", f"--eab-key-id k --eab-key {KEY} --eab-key-file none", "mutually exclusive"),
        ("x.test", "--dns-hook h --account ../x", "invalid value '../x' for flag '--account'"),
    ],
)
def test_refusals(home: Path, name: str, flags: str, expected: str) -> None:
    before = sorted(home.rglob("*"))
    words = ["ca", "certificate", name, "a.crt", "a.key", "--acme", NOBODY, *flags.split()]
    with pytest.raises(CliError, match=expected.replace("*", "\\*").replace("?", "\\?")):
        main.dispatch(words)
    assert sorted(home.rglob("*")) == before
