"""crypto rand, hash and kdf: compared with the original where it is installed, and with themselves."""

import re
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, STEP


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "crypto", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ([], r"[!-~]{32}"),
        (["--format", "hex", "12"], r"[0-9a-f]{12}"),
        (["--format", "dec", "9"], r"\d{9}"),
        (["--format", "dice"], r"[1-6]{6}"),
        (
            ["--format", "uuid"],
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        ),
        (["--format", "upper", "20"], r"[A-Z]{20}"),
        (["--format", "alphanumeric"], r"[0-9A-Za-z]{32}"),
    ],
)
def test_rand_prints_what_was_asked_for(arguments: list[str], shape: str) -> None:
    first, second = run(NEWEL, "rand", *arguments), run(NEWEL, "rand", *arguments)
    assert re.fullmatch(shape + "\n", first.stdout)
    assert first.stdout != second.stdout


def test_rand_makes_primes_that_openssl_believes() -> None:
    number = run(NEWEL, "rand", "--format", "prime", "256").stdout.strip()
    assert int(number).bit_length() == 256
    said = subprocess.run(["openssl", "prime", number], capture_output=True, text=True, check=True)
    assert said.stdout.strip().endswith("is prime")


def test_rand_takes_words_of_a_dictionary(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("one\ntwo\n\nthree\n")
    phrase = run(NEWEL, "rand", "--dictionary", str(words)).stdout.strip().split("-")
    assert len(phrase) == 6
    assert set(phrase) <= {"one", "two", "three"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "sub/deeper").mkdir(parents=True)
    (top / "a").write_text("a\n")
    (top / "sub/b").write_text("b\n")
    (top / "sub/b").chmod(0o4711)
    (top / "sub").chmod(0o1755)
    (top / "link").symlink_to("sub/b")
    (top / "dirlink").symlink_to("sub/deeper")
    return top


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "alg", ["sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256"]
)
def test_digests_of_files_and_trees_equal_the_originals(tree: Path, alg: str) -> None:
    for name in (str(tree), str(tree / "a")):
        ours = run(NEWEL, "hash", "digest", "--alg", alg, name)
        assert ours.stdout == run(STEP, "hash", "digest", "--alg", alg, name).stdout


def test_compare_says_ok_or_fail(tree: Path) -> None:
    digest = run(NEWEL, "hash", "digest", str(tree)).stdout.split()[0]
    assert run(NEWEL, "hash", "compare", digest, str(tree)).stdout == "ok\n"
    (tree / "a").write_text("changed")
    changed = run(NEWEL, "hash", "compare", digest, str(tree))
    assert (changed.returncode, changed.stderr) == (1, "fail\n")
    md5 = run(NEWEL, "hash", "digest", "--alg", "md5", str(tree))
    assert md5.stderr == "flag '--alg md5' requires the '--insecure' flag\n"


@pytest.mark.needs("step")
@pytest.mark.parametrize("alg", ["scrypt", "bcrypt", "argon2i", "argon2id"])
def test_each_side_accepts_the_others_password_hashes(alg: str) -> None:
    for maker, judge in ((NEWEL, STEP), (STEP, NEWEL)):
        phc = run(maker, "kdf", "hash", "--alg", alg, "--insecure", "secret").stdout.strip()
        assert run(judge, "kdf", "compare", "--insecure", phc, "secret").stdout == "ok\n"
        wrong = run(judge, "kdf", "compare", "--insecure", phc, "other")
        assert (wrong.returncode, wrong.stdout) == (1, "")


def test_a_password_on_the_command_line_needs_insecure() -> None:
    refused = run(NEWEL, "kdf", "hash", "secret")
    assert refused.stderr == "positional argument <input> requires the '--insecure' flag\n"
    assert "4 GiB" in run(
        NEWEL, "kdf", "compare", "--insecure", "$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "x"
    ).stderr  # fmt: skip # a command line


def test_winpe_extract_finds_the_certificates_of_a_signed_executable(tmp_path: Path) -> None:
    key, certificate, executable = (tmp_path / name for name in ("key", "crt", "signed.exe"))
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    new += ["-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=signer"]
    subprocess.run(new, capture_output=True, check=True)
    words = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(certificate), "-outform", "DER"]
    signed_data = subprocess.run(words, capture_output=True, check=True).stdout
    padded = signed_data + bytes(-len(signed_data) % 8)
    for magic, directories in ((0x10B, 96), (0x20B, 112)):
        optional = struct.pack("<H", magic).ljust(directories, b"\0") + bytes(32)
        at = 64 + 24 + len(optional) + 8
        optional += struct.pack("<II", at, len(padded) + 8)
        dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
        entry = struct.pack("<IHH", len(padded) + 8, 0x200, 2) + padded
        executable.write_bytes(dos + b"PE\0\0".ljust(24, b"\0") + optional + entry)
        assert run(NEWEL, "winpe", "extract", str(executable)).stdout == certificate.read_text()
    executable.write_bytes(executable.read_bytes()[:-9])
    assert "it ends too early" in run(NEWEL, "winpe", "extract", str(executable)).stderr
    assert "MZ" in run(NEWEL, "winpe", "extract", str(key)).stderr
