"""Passwords in files as editors and mounts leave them."""

import subprocess
import sys
from pathlib import Path

import pytest

from newel.runtime.config import ConfigError, read_secret, read_secret_octets

SECRET = "c\u00f4rrect horse"


@pytest.mark.parametrize(
    "data",
    [
        SECRET.encode(),
        SECRET.encode() + b"\n",
        SECRET.encode() + b" \r\n\r\n",
        b"\xef\xbb\xbf" + SECRET.encode() + b"\r\n",
        b"\xff\xfe" + f"{SECRET}\r\n".encode("utf-16-le"),
        b"\xfe\xff" + f"{SECRET}\n".encode("utf-16-be"),
    ],
)
def test_a_password_is_read_as_editors_write_it(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(data)
    file.chmod(0o600)
    assert read_secret(file) == SECRET
    assert read_secret_octets(file) == SECRET.encode()


def test_the_password_of_a_key_may_be_in_an_older_encoding(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"c\xf4rrect horse\r\n")
    file.chmod(0o600)
    assert read_secret_octets(file) == b"c\xf4rrect horse"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"c\xf4rrect", "not text in UTF-8"),
        (b"\xff\xfe\x00\xd8", "not the UTF-16 it claims"),
        (b"x" * 70_000, "longer than 65536 octets"),
    ],
)
def test_what_is_no_password_is_one_clear_line(tmp_path: Path, data: bytes, why: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(data)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=f"password: .*{why}"):
        read_secret(file)
    with pytest.raises(ConfigError, match=r"is a directory"):
        read_secret(tmp_path)


SHOW = """
import logging, sys
from pathlib import Path
from newel.runtime.config import read_secret
logging.basicConfig(format="%(levelname)s %(message)s")
print(read_secret(Path(sys.argv[1])))
"""
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1/p"'


@pytest.mark.needs("unshare")
def test_a_mounted_secret_that_everybody_can_read_is_read_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret\n")
    (tmp_path / "p").chmod(0o444)
    inside = ["sh", "-c", READ_ONLY, "sh", tmp_path, sys.executable, SHOW]
    mounted = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *inside],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in mounted.stderr:
        pytest.skip("this machine lets no one mount in a namespace of his own")
    assert mounted.stdout == "secret\n", mounted.stderr
    assert "WARNING" in mounted.stderr
    assert "everyone who can reach this mount can read the secret" in mounted.stderr
    with pytest.raises(ConfigError, match="others may read this secret"):
        read_secret(tmp_path / "p")
