"""crypto nacl and otp: both directions with the original, and what the QR code says."""

import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from segno import encoder

from fixtures.running import OUR_STEP as NEWEL
from fixtures.running import others
from newel.cli.operations.crypto.otp_keys import OtpKey, parse

STEP = others("step")
BOTH_WAYS = pytest.mark.parametrize(
    ("maker", "judge"), [(NEWEL, STEP), (STEP, NEWEL)], ids=["ours", "theirs"]
)


def run(program: str, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    words = [program, "crypto", *map(str, arguments)]
    return subprocess.run(words, input=stdin, capture_output=True, check=False)


@pytest.mark.needs("step")
@BOTH_WAYS
@pytest.mark.parametrize("raw", [(), ("--raw",)])
def test_boxes_and_signatures_travel(
    tmp_path: Path, maker: str, judge: str, raw: tuple[str, ...]
) -> None:
    message = b"\xef\xbb\xbfnot trimmed \n"
    for program, name in ((maker, "a"), (judge, "b")):
        for kind in ("box", "sign"):
            files = (tmp_path / f"{kind}-{name}.pub", tmp_path / f"{kind}-{name}")
            assert run(program, "nacl", kind, "keypair", *files).returncode == 0
    mine, yours = tmp_path / "box-a", tmp_path / "box-b"
    sealed = run(
        maker, "nacl", "box", "seal", *raw, "base64:bm9uY2U=", f"{yours}.pub", mine, stdin=message
    )
    words = ("nacl", "box", "open", *raw, "string:nonce", f"{mine}.pub", yours)
    assert run(judge, *words, stdin=sealed.stdout).stdout == message
    sealed = run(maker, "nacl", "secretbox", "seal", *raw, "n", mine, stdin=message)
    opened = run(judge, "nacl", "secretbox", "open", *raw, "n", mine, stdin=sealed.stdout)
    assert opened.stdout == message
    signed = run(maker, "nacl", "sign", "sign", *raw, tmp_path / "sign-a", stdin=message)
    words = ("nacl", "sign", "open", *raw, tmp_path / "sign-a.pub")
    assert run(judge, *words, stdin=signed.stdout).stdout == message
    digest = run(maker, "nacl", "auth", "digest", mine, stdin=message).stdout.decode().strip()
    assert run(judge, "nacl", "auth", "verify", mine, digest, stdin=message).stdout == b"ok\n"


@pytest.mark.parametrize("where", [0, -4])  # the very last character has bits that say nothing
def test_what_was_changed_is_not_opened(tmp_path: Path, where: int) -> None:
    key, other = tmp_path / "key", tmp_path / "other"
    assert run(NEWEL, "nacl", "box", "keypair", other, key).returncode == 0
    text = bytearray(run(NEWEL, "nacl", "secretbox", "seal", "n", key, stdin=b"text").stdout)
    text[where] = ord("A") if text[where] != ord("A") else ord("B")
    done = run(NEWEL, "nacl", "secretbox", "open", "n", key, stdin=bytes(text))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error ")
    wrong = run(NEWEL, "nacl", "auth", "verify", key, "00", stdin=b"text")
    assert (wrong.returncode, wrong.stderr) == (1, b"fail\n")


def test_nacl_refuses_files_and_nonces_of_the_wrong_length(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"x" * 31)
    for words, message in (
        (("secretbox", "seal", "n", short), b"invalid key: key size is not 32 bytes\n"),
        (("sign", "open", short), b"invalid public key: key size is not 32 bytes\n"),
        (("sign", "sign", short), b"invalid private key: key size is not 64 bytes\n"),
        (("auth", "digest", short), b"invalid key file: key size is not 32 bytes\n"),
        (("secretbox", "seal", "n" * 25, short), b"nonce cannot be longer than 24 bytes\n"),
    ):
        done = run(NEWEL, "nacl", *words)
        assert (done.returncode, done.stderr) == (1, message)


RFC_6238 = [
    (59, "SHA1", "94287082"),
    (59, "SHA256", "46119246"),
    (59, "SHA512", "90693936"),
    (1111111109, "SHA1", "07081804"),
    (20000000000, "SHA256", "77737706"),
    (2000000000, "SHA512", "38618901"),
]


@pytest.mark.parametrize(("moment", "alg", "code"), RFC_6238)
def test_codes_of_rfc_6238_appendix_b(moment: int, alg: str, code: str) -> None:
    size = {"SHA1": 20, "SHA256": 32, "SHA512": 64}[alg]
    key = OtpKey((b"1234567890" * 7)[:size], alg, 8)
    assert key.code(moment) == code
    assert key.accepts(code, moment + 30, 1)
    assert not key.accepts(code, moment + 90, 1)


@pytest.mark.needs("step")
@pytest.mark.parametrize("alg", ["SHA1", "SHA256", "SHA512"])
def test_the_original_takes_our_secrets_and_we_take_its(tmp_path: Path, alg: str) -> None:
    secret = tmp_path / "secret"
    flags = ("--alg", alg, "--length", "8", "--period", "60", "--url")
    names = ("--issuer", "example.com", "--account", "name@example.com")
    urls: list[bytes] = []
    for maker in (NEWEL, STEP):
        made = run(maker, "otp", "generate", *names, *flags)
        secret.write_bytes(made.stdout)
        urls.append(made.stdout.rpartition(b"=")[0])
        code = parse(made.stdout.decode()).code(1_800_000_000).encode()
        at = ("--time", "2027-01-15T08:00:00Z")
        for judge in (NEWEL, STEP):
            done = run(judge, "otp", "verify", "--secret", secret, *at, stdin=code)
            assert (done.returncode, done.stdout) == (0, b"ok\n")
            wrong = run(judge, "otp", "verify", "--secret", secret, *at, stdin=b"00000000")
            assert (wrong.returncode, wrong.stdout) == (1, b"fail\n")
    assert urls[0] == urls[1]


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "words",
    [
        ("generate",),
        ("generate", "--issuer", "a"),
        ("generate", "--issuer", "a", "--account", "b", "--alg", "foo"),
        ("verify",),
        ("verify", "--secret", "{secret}", "--skew", "2"),
        ("verify", "--secret", "{secret}", "--time", "foo"),
        ("verify", "--secret", "{secret}"),
    ],
)
def test_otp_errors_read_as_the_originals(tmp_path: Path, words: tuple[str, ...]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("55RU6WTUISKKGEYVNSSI7H6FTJWJ4IPP\n")
    arguments = [str(secret) if word == "{secret}" else word for word in words]
    ours, theirs = (run(program, "otp", *arguments, stdin=b"12\n") for program in (NEWEL, STEP))
    assert ours.stderr == theirs.stderr
    assert (ours.returncode, theirs.returncode) == (1, 1)


def test_the_qr_code_holds_the_url(tmp_path: Path) -> None:
    picture = tmp_path / "code.png"
    names = ("--issuer", "example.com & co", "--account", "name@example.com")
    url = run(NEWEL, "otp", "generate", *names, "--url", "--qr", picture).stdout.decode().strip()
    assert url.startswith("otpauth://totp/example.com%20%26%20co:name@example.com?algorithm=SHA1")
    rows = pixels(picture.read_bytes())
    wanted = [bytes(row) for row in encoder.encode(url, error="m", micro=False).matrix]
    dark = [(x, y) for y, row in enumerate(rows) for x, pixel in enumerate(row) if not pixel]
    left, top = min(x for x, _ in dark), min(y for _, y in dark)
    scale = (max(x for x, _ in dark) - left + 1) // len(wanted)
    seen = [
        bytes(1 - rows[top + y * scale][left + x * scale] for x in range(len(wanted)))
        for y in range(len(wanted))
    ]
    assert seen == wanted
    assert min(left, top) >= 4 * scale


def pixels(png: bytes) -> list[list[int]]:
    """The pixels of a 200 by 200 PNG with one bit each, read by the book."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, found = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + data) == struct.unpack(">I", png[at + 8 + length :][:4])[0]
        found[kind], at = data, at + 12 + length
    assert found[b"IHDR"] == struct.pack(">IIBBBBB", 200, 200, 1, 0, 0, 0, 0)
    lines = zlib.decompress(found[b"IDAT"])
    rows = [lines[y * 26 + 1 : y * 26 + 26] for y in range(200)]
    return [[row[x // 8] >> (7 - x % 8) & 1 for x in range(200)] for row in rows]
