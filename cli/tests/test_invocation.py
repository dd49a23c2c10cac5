"""How words become flags and positionals, and where a value comes from."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from newel.cli.errors import CliError, UsageError
from newel.cli.main import dispatch
from newel.cli.options.grammar import find, load, words
from newel.cli.options.invocation import Invocation


def call(line: str) -> Invocation:
    command, rest = find(line.split())
    assert command is not None
    return Invocation(command, rest)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "certificate inspect -format json a.crt",
        "certificate inspect --format=json a.crt",
        "certificate inspect a.crt --format json",
        "certificate inspect a.crt -format=json --",
    ],
)
def test_flags_stand_anywhere_with_one_or_two_dashes(line: str) -> None:
    found = call(line)
    assert found.args == ["a.crt"]
    assert found.get("format") == "json"
    assert found.is_given("format")


def test_switches_take_a_value_only_with_an_equals_sign() -> None:
    assert call("ca renew a.crt a.key").on("mtls")
    assert not call("ca renew --mtls=false a.crt a.key").on("mtls")
    assert call("ca renew --force a.crt a.key").args == ["a.crt", "a.key"]


def test_repeatable_flags_keep_their_order() -> None:
    assert call("ca token x --san a --san b").all("san") == ["a", "b"]


def test_the_command_line_beats_the_environment_beats_defaults_beats_the_built_in(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("crypto keypair a b").get("kty") == "EC"
    (home / "config").mkdir()
    (home / "config/defaults.json").write_text(json.dumps({"kty": "RSA", "size": 3072}))
    assert call("crypto keypair a b").get("kty") == "RSA"
    assert call("crypto keypair a b").integer("size") == 3072
    monkeypatch.setenv("STEP_KTY", "OKP")
    assert call("crypto keypair a b").get("kty") == "OKP"
    assert call("crypto keypair --kty EC a b").get("kty") == "EC"


def test_an_unknown_flag_a_missing_value_and_a_wrong_count_are_named() -> None:
    with pytest.raises(UsageError, match="flag provided but not defined: -bad"):
        call("certificate inspect --bad a.crt")
    with pytest.raises(UsageError, match="flag needs an argument: -format"):
        call("certificate inspect a.crt --format")
    with pytest.raises(UsageError, match="not enough positional arguments were provided in 'newel"):
        call("certificate inspect").positionals(1)
    with pytest.raises(UsageError, match="too many positional arguments were provided"):
        call("certificate inspect a b").positionals(1)


def test_a_negative_duration_is_a_value() -> None:
    assert call("ca token x --not-before -5m").get("not-before") == "-5m"


def test_every_command_of_every_table_is_found_by_its_own_words() -> None:
    count = 0
    for word in words():
        for path in load(word):
            command, rest = find(path.split())
            assert command is not None
            assert (command.path, rest) == (path, [])
            count += 1
    assert count >= 237


@pytest.mark.parametrize(
    ("saved", "size"),
    [
        ('{"size": 1}', 1),
        (r'{"\u0073ize": 2}', 2),
        (r'{"kty": "siz\u0065"}', 0),
        ("{}", 0),
        ("{", 0),
    ],
)
def test_a_saved_flag_is_found_however_its_name_is_spelled(
    home: Path, saved: str, size: int
) -> None:
    (home / "config").mkdir()
    (home / "config/defaults.json").write_text(saved)
    assert call("crypto keypair a b").integer("size") == size


@pytest.mark.parametrize("saved", ['{"size": 3', '["size"]', '"size"', '{"size": \xff}'])
def test_a_damaged_defaults_file_is_told_to_who_needs_it(home: Path, saved: str) -> None:
    (home / "config").mkdir()
    (home / "config/defaults.json").write_text(saved, encoding="latin-1")
    assert call("crypto keypair a b").get("crv") is None
    with pytest.raises(CliError, match=r"error parsing .*defaults\.json"):
        call("crypto keypair a b").get("size")


LIGHT = {"json", "pathlib", "re", "typing", "subprocess", "socket", "ssl"}


@pytest.mark.parametrize(
    ("line", "unwanted"),
    [
        ("version", LIGHT),
        ("path", LIGHT),
        ("completion bash", LIGHT),
        ("completion --candidates -- ca", LIGHT),
        ("certificate needs-renewal no.crt", {"tempfile", "ssl", "cryptography", "msgspec"}),
        (
            "ca renew no.crt no.key",
            {"subprocess", "secrets", "dataclasses", "cryptography", "msgspec"},
        ),
        ("certificate inspect no.crt", {"tempfile", "ssl", "cryptography", "msgspec"}),
    ],
)
def test_start_up_imports_only_what_the_command_is_about(
    home: Path, line: str, unwanted: set[str]
) -> None:
    """What keeps `version`, `path` and `completion` whole processes of a hundredth of a second."""
    (home / "config").mkdir()
    (home / "config/defaults.json").write_text('{"ca-url": "https://ca.internal"}')
    program = (
        "import sys; from newel.cli.main import main; main(); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *line.split()],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip # a command line
    loaded = set(done.stderr.split())
    assert "newel.cli.main" in loaded
    assert not unwanted & loaded


@pytest.mark.parametrize("line", ["ca health", "ca roots", "certificates list"])
@pytest.mark.parametrize("saved", [b"hello\n", b"", b"[]", b'{"ca-url": '])
def test_defaults_that_are_no_json_are_named_where_a_flag_is_missed(
    saved: bytes, line: str, home: Path
) -> None:
    file = home / "config/defaults.json"
    file.parent.mkdir()
    file.write_bytes(saved)
    with pytest.raises(CliError, match=re.escape(f"error parsing {file}: ")):
        dispatch(line.split())
    assert dispatch(["path"]) == 0
