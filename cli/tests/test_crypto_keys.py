"""crypto keypair, key, change-pass: every form of every key, read and written by us and by the original."""

import stat
import subprocess
from pathlib import Path

import pytest

from fixtures.running import OUR_STEP as NEWEL
from fixtures.running import others

STEP = others("step")
KINDS = ("EC", "P-521", "OKP", "RSA")
PLAIN = ("--no-password", "--insecure")


def run(
    program: str, *arguments: object, stdin: bytes = b"", ok: bool = True
) -> subprocess.CompletedProcess[bytes]:
    words = [program, "crypto", *map(str, arguments)]
    done = subprocess.run(words, input=stdin, capture_output=True, check=False)
    if ok:
        assert done.returncode == 0, done.stderr.decode()
    return done


def message_of(program: str, *arguments: object, stdin: bytes = b"") -> str:
    done = run(program, *arguments, stdin=stdin, ok=False)
    assert done.returncode == 1
    return done.stderr.decode().strip()


def kind_flags(kind: str) -> tuple[str, ...]:
    return ("--kty", "EC", "--crv", kind) if kind.startswith("P-") else ("--kty", kind)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain and an encrypted key of each kind, made by us."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "password").write_text("open sesame\n")
    for kind in KINDS:
        flags = kind_flags(kind)
        run(NEWEL, "keypair", folder / f"{kind}.pub", folder / f"{kind}.key", *flags, *PLAIN)
        arguments = (folder / f"{kind}.key", "--pem", "--password-file", folder / "password")
        run(NEWEL, "key", "format", *arguments, "--out", folder / f"{kind}.enc")
    return folder


def test_key_files_are_for_their_owner_and_messages_go_to_stderr(tmp_path: Path) -> None:
    public, private = tmp_path / "a.pub", tmp_path / "a.key"
    done = run(NEWEL, "keypair", public, private, *PLAIN)
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        f"Your public key has been saved in {public}.",
        f"Your private key has been saved in {private}.",
    ]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (public, private)] == [0o600, 0o600]
    assert private.read_bytes().startswith(b"-----BEGIN EC PRIVATE KEY-----\n")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [(), ("--pkcs8",)])
def test_openssl_opens_our_encrypted_keys(keys: Path, kind: str, form: tuple[str, ...]) -> None:
    password = keys / "password"
    pem = run(
        NEWEL, "key", "format", keys / f"{kind}.key", "--pem", *form, "--password-file", password
    ).stdout
    old = b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC," in pem
    assert old == (not form and kind != "OKP")
    words = ["openssl", "pkey", "-passin", f"file:{password}", "-pubout"]
    opened = subprocess.run(words, input=pem, capture_output=True, check=True)
    assert opened.stdout == (keys / f"{kind}.pub").read_bytes()


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_opens_our_openssh_keys(keys: Path, kind: str) -> None:
    target = keys / f"{kind}.ssh"
    arguments = (keys / f"{kind}.key", "--ssh", "--password-file", keys / "password")
    run(NEWEL, "key", "format", *arguments, "--out", target, "-f")
    target.chmod(0o600)
    words = ["ssh-keygen", "-y", "-P", "open sesame", "-f", str(target)]
    opened = subprocess.run(words, capture_output=True, check=True)
    line = run(NEWEL, "key", "format", keys / f"{kind}.pub", "--ssh").stdout
    assert opened.stdout.split()[:2] == line.split()[:2]


@pytest.mark.needs("step")
@pytest.mark.parametrize("kind", KINDS)
def test_the_original_prints_the_same_of_the_same_key(keys: Path, kind: str) -> None:
    private, public = keys / f"{kind}.key", keys / f"{kind}.pub"
    for words in (
        ("inspect", private),
        ("inspect", public),
        ("public", private),
        ("fingerprint", private),
        ("fingerprint", public, "--sha1"),
        ("fingerprint", public, "--pkix", "--format", "base64-url-raw"),
        ("fingerprint", public, "--ssh", "--format", "emoji"),
        ("fingerprint", public, "--raw"),
        ("format", public, "--ssh"),
        ("format", public, "--jwk"),
        ("format", public),
        ("format", private, *PLAIN),
        ("format", private, "--pkcs8", "--pem", *PLAIN),
        ("format", private, "--jwk", *PLAIN),
    ):
        assert run(NEWEL, "key", *words).stdout == run(STEP, "key", *words).stdout, words


@pytest.mark.needs("step")
@pytest.mark.parametrize("kind", ["EC", "OKP", "RSA"])
@pytest.mark.parametrize("form", ["--pem", "--ssh", "--jwk"])
def test_each_side_opens_the_others_encrypted_keys(
    keys: Path, tmp_path: Path, kind: str, form: str
) -> None:
    wanted = run(NEWEL, "key", "fingerprint", keys / f"{kind}.pub").stdout
    password = ("--password-file", keys / "password")
    for maker, reader in ((NEWEL, STEP), (STEP, NEWEL)):
        text = run(maker, "key", "format", keys / f"{kind}.key", form, *password).stdout
        (tmp_path / "key").write_bytes(text)
        assert run(reader, "key", "fingerprint", tmp_path / "key", *password).stdout == wanted


@pytest.mark.needs("step")
def test_signatures_are_verified_across(keys: Path, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(b"to be signed")
    for kind, flags in (
        ("EC", ()),
        ("P-521", ()),
        ("OKP", ()),
        ("RSA", ()),
        ("RSA", ("--alg", "sha512")),
        ("RSA", ("--pss",)),
    ):
        for maker, judge in ((NEWEL, STEP), (STEP, NEWEL)):
            private, public = keys / f"{kind}.key", keys / f"{kind}.pub"
            text = run(maker, "key", "sign", "--key", private, *flags, message).stdout.decode()
            words = ("key", "verify", "--key", public, "--signature", text.strip(), *flags)
            assert run(judge, *words, message).stdout == b"true\n"
            changed = run(judge, *words, keys / "password", ok=False)
            assert (changed.returncode, changed.stdout, changed.stderr) == (1, b"", b"false\n")


def test_raw_signatures_and_stdin(keys: Path) -> None:
    raw = run(NEWEL, "key", "sign", "--key", keys / "OKP.key", "--raw", stdin=b"hello").stdout
    assert len(raw) == 64


@pytest.mark.parametrize("kind", ["EC", "OKP", "RSA"])
@pytest.mark.parametrize("form", ["--pem", "--ssh", "--jwk"])
def test_change_pass_keeps_the_key_and_its_form(
    keys: Path, tmp_path: Path, kind: str, form: str
) -> None:
    key, new = tmp_path / "key", tmp_path / "new"
    new.write_text("another")
    old = ("--password-file", keys / "password")
    key.write_bytes(run(NEWEL, "key", "format", keys / f"{kind}.key", form, *old).stdout)
    first_line = key.read_bytes().splitlines()[0]
    done = run(NEWEL, "change-pass", key, *old, "--new-password-file", new, "-f")
    assert done.stderr.decode() == f"Your key has been saved in {key}.\n"
    assert "password" in message_of(NEWEL, "key", "inspect", key, *old)
    opened = run(NEWEL, "key", "fingerprint", key, "--password-file", new).stdout
    assert opened == run(NEWEL, "key", "fingerprint", keys / f"{kind}.pub").stdout
    if form != "--jwk":
        assert key.read_bytes().splitlines()[0] == first_line
    run(NEWEL, "change-pass", key, "--password-file", new, *PLAIN, "--out", tmp_path / "plain")
    assert run(NEWEL, "key", "fingerprint", tmp_path / "plain").stdout == opened


def test_a_key_comes_out_of_a_jwk(keys: Path, tmp_path: Path) -> None:
    jwk = run(NEWEL, "key", "format", keys / "EC.key", "--jwk", *PLAIN).stdout
    (tmp_path / "jwk").write_bytes(jwk)
    public, private = tmp_path / "pub", tmp_path / "key"
    run(NEWEL, "keypair", public, private, "--from-jwk", tmp_path / "jwk", *PLAIN)
    assert private.read_bytes() == (keys / "EC.key").read_bytes()
    (tmp_path / "jwk").write_bytes(run(NEWEL, "key", "format", keys / "EC.pub", "--jwk").stdout)
    only = run(NEWEL, "keypair", public, tmp_path / "none", "--from-jwk", tmp_path / "jwk", "-f")
    assert b"Only the public PEM was generated." in only.stderr
    assert public.read_bytes() == (keys / "EC.pub").read_bytes()
    assert not (tmp_path / "none").exists()


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "words",
    [
        ("keypair", "a"),
        ("keypair", "a", "a"),
        ("keypair", "a", "b", "--no-password"),
        ("keypair", "a", "b", "--size", "2048"),
        ("keypair", "a", "b", "--crv", "P-256"),
        ("keypair", "a", "b", "--kty", "RSA", "--size", "1024"),
        ("key", "sign"),
        ("key", "sign", "--key", "{RSA.pub}", "{password}"),
        ("key", "sign", "--key", "{RSA.key}", "--alg", "foo", "{password}"),
        ("key", "verify", "--key", "{EC.pub}", "{password}"),
        ("key", "fingerprint", "{EC.pub}", "--format", "bogus"),
        ("key", "fingerprint", "{EC.pub}", "--ssh", "--pkix"),
        ("key", "format", "{EC.key}", "--pem", "--der"),
        ("key", "format", "{EC.key}", "--pem", "--no-password"),
        ("key", "inspect", "{EC.enc}", "--password-file", "{EC.pub}"),
        ("key", "inspect", "{OKP.enc}", "--password-file", "{EC.pub}"),
        ("key", "format", "{password}"),
        ("change-pass",),
        ("change-pass", "{EC.enc}", "--no-password"),
    ],
)  # fmt: skip # a command line
def test_errors_read_as_the_originals(keys: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    arguments = [str(keys / word[1:-1]) if word.startswith("{") else word for word in words]
    ours, theirs = (message_of(program, *arguments) for program in (NEWEL, STEP))
    assert ours == theirs


def test_without_a_terminal_a_password_is_not_waited_for(keys: Path) -> None:
    words = [NEWEL, "crypto", "key", "inspect", str(keys / "EC.enc")]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error allocating terminal: ")


def test_json_output(keys: Path) -> None:
    import json

    said_json = run(NEWEL, "key", "fingerprint", keys / "EC.pub", "--output", "json").stdout
    text = run(NEWEL, "key", "fingerprint", keys / "EC.pub").stdout.decode().strip()
    found = json.loads(said_json)
    assert f"{found['algorithm']}:{found['fingerprint']}" == text
    assert json.loads(run(NEWEL, "key", "inspect", keys / "OKP.pub", "--output", "json").stdout)
