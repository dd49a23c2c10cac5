"""enroll factor and key; devices and SSH need an authority and are in tests/e2e/test_cli_verbs.py."""

import hmac
import io
import json
import os
import secrets
import struct
import sys
from pathlib import Path

import pytest

from fixtures.people import Desk, people
from newel.cli import main
from newel.cli.errors import CliError
from newel.client.clock import now

__all__ = ["people"]

FACTOR = (
    "enroll",
    "factor",
    "ada@example.com",
    "--issuer",
    "Example",
    "--out",
    "otp",
    "--qr",
    "png",
)
SECRET = b"twenty octets of it."
TEXT = b"text"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def app(secret: bytes, offset: int = 0) -> str:
    """What an authenticator app shows (RFC 6238, RFC 4226 §5.3)."""
    mac = hmac.digest(secret, struct.pack(">Q", int(now().timestamp() + offset) // 30), "sha1")
    (number,) = struct.unpack_from(">I", mac, mac[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1000000:06}"


def known_bytes(octets: int) -> bytes:
    """A secret that is none."""
    return SECRET[:octets]


def test_a_factor_is_in_two_files_and_nowhere_else(desk: Desk) -> None:
    finished = desk.newel(*FACTOR)
    assert (finished.returncode, finished.stdout) == (0, b"")
    url = (desk.path / "otp").read_text().strip()
    assert url.startswith("otpauth://totp/Example:ada@example.com?algorithm=SHA1&digits=6")
    assert url.partition("secret=")[2] not in finished.stderr.decode()
    for name in ("otp", "png"):
        assert (desk.path / name).stat().st_mode & 0o777 == 0o600
    assert (desk.path / "png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert desk.newel("crypto", "otp", "verify", "otp", stdin=b"12").returncode == 1


@pytest.mark.parametrize("offset", [0, -30])
def test_a_factor_is_enrolled_by_its_first_code(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    """The secret is made where the test can know it; all else is the command's own way."""
    monkeypatch.chdir(desk.path)
    monkeypatch.setattr(secrets, "token_bytes", known_bytes)
    monkeypatch.setattr(os, "isatty", bool)  # stdin is 0
    for code, good in ((app(SECRET, offset), True), (app(b"another"), False), ("", False)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(code.encode())))
        if good:
            assert main.dispatch([*FACTOR, "--confirm", "--force"]) == 0
            assert (
                desk.succeed("crypto", "otp", "verify", "otp", stdin=app(SECRET).encode())
                == b"ok\n"
            )
        else:
            with pytest.raises(CliError, match="the code is not right: nothing is enrolled"):
                main.dispatch([*FACTOR, "--confirm"])
        for name in ("otp", "png"):
            assert (desk.path / name).exists() is good
            (desk.path / name).unlink(missing_ok=True)


def test_keys_under_names_are_whom_to_encrypt_for_and_whom_to_believe(people: Desk) -> None:
    for name in ("ada", "bob", "eve"):
        people.succeed("enroll", "key", name, f"{name}.crt", "--jwks", "team.json")
    sealed = people.succeed("encrypt", "--to", "team.json#bob", stdin=TEXT)
    assert people.succeed("decrypt", "--key", "bob.key", stdin=sealed) == TEXT
    signed = people.succeed("sign", "--attached", "--key", "eve.key", stdin=TEXT)
    assert people.succeed("verify", "--key", "team.json#eve", stdin=signed) == TEXT
    assert people.fail("verify", "--key", "team.json#ada", stdin=signed).startswith(
        "validation failed"
    )
    told = people.succeed(
        "enroll", "key", "bob", "bob.key", "--jwks", "team.json", "--output", "json"
    )
    assert json.loads(told)["kid"] == "bob"
    text = (people.path / "team.json").read_text()
    assert len(json.loads(text)["keys"]) == 3
    assert '"d"' not in text
    other = ("enroll", "key", "bob", "ada.crt", "--jwks", "team.json")
    assert "has another key for bob" in people.fail(*other)
    assert (people.path / "team.json").read_text() == text
    people.succeed(*other, "--force")
    assert people.succeed("crypto", "jwk", "keyset", "list", "team.json") == b"ada\neve\nbob\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("factor", "not enough positional arguments"),
        ("factor ada --issuer x --out otp", "'newel enroll factor' requires the '--qr' flag"),
        ("factor ada --issuer x --out no/otp --qr png", "open no/otp: no such file or directory"),
        (
            "factor ada --issuer x --out otp --qr png --alg md5",
            "invalid value 'md5' for flag '--alg'",
        ),
        ("device gate.crt gate.key", "one of flag --token or --subject is required"),
        ("device gate.crt gate.key --token x", "error parsing token"),
        (
            "device gate.crt gate.crt --subject gate",
            "positional arguments <crt-file> and <key-file>",
        ),
        ("key ada nothing --jwks set", "open nothing: no such file"),
        ("key ada nothing", "open nothing: no such file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(desk: Desk, words: str, said: str) -> None:
    assert desk.fail("enroll", *words.split()).startswith(said)
    assert list(desk.path.iterdir()) == []


def test_who_has_not_bootstrapped_is_told_to(desk: Desk) -> None:
    done = desk.newel("enroll", "device", "gate.crt", "gate.key", "--subject", "gate")
    assert (done.returncode, done.stdout) == (1, b"")
    required, advice = done.stderr.decode().splitlines()
    assert required.startswith("flag '--root' is required")
    assert "ca bootstrap" in advice
