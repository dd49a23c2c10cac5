"""crypto jwk, jwt, jws, jwe and jose: what one side makes the other takes, and forgeries that neither takes."""

import base64
import hmac
import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import OUR_STEP as NEWEL
from fixtures.running import others

STEP = others("step")
BOTH_WAYS = pytest.mark.parametrize(
    ("maker", "judge"), [(NEWEL, STEP), (STEP, NEWEL)], ids=["ours", "theirs"]
)
PLAIN = ("--no-password", "--insecure")
SIGNATURES = {
    "EC": ["ES256"],
    "P-384": ["ES384"],
    "P-521": ["ES512"],
    "OKP": ["EdDSA"],
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "oct": ["HS256", "HS384", "HS512"],
}
CLAIMS = ("--iss", "i", "--aud", "a", "--sub", "s", "--exp", "4000000000")
FIXED = (*CLAIMS, "--nbf", "1", "--iat", "1", "--jti", "x")


def run(program: str, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    words = [program, "crypto", *map(str, arguments)]
    return subprocess.run(words, input=stdin, capture_output=True, check=False)


def run_both(program: str, *arguments: object, stdin: bytes = b"") -> bytes:
    finished = run(program, *arguments, stdin=stdin)
    assert finished.returncode == 0, finished.stderr.decode()
    return finished.stdout


def run_refused(program: str, *arguments: object, stdin: bytes = b"") -> str:
    finished = run(program, *arguments, stdin=stdin)
    assert (finished.returncode, finished.stdout) == (1, b"")
    return finished.stderr.decode().strip()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def create(program: str, folder: Path, kind: str, *flags: object, name: str = "") -> Path:
    """A key pair ``name``.pub and ``name``; the path of the private one."""
    path = folder / (name or kind)
    chosen = ("--kty", "EC", "--crv", kind) if kind.startswith("P-") else ("--kty", kind)
    run_both(program, "jwk", "create", f"{path}.pub", path, *chosen, *(flags or PLAIN))
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signing key of each kind in the clear, made by us."""
    folder = tmp_path_factory.mktemp("jwk")
    (folder / "password").write_text("open sesame\n")
    for kind in SIGNATURES:
        create(NEWEL, folder, kind)
    return folder


@pytest.mark.needs("step")
@pytest.mark.parametrize("kind", SIGNATURES)
def test_jwk_files_have_the_same_shape(keys: Path, tmp_path: Path, kind: str) -> None:
    theirs = create(STEP, tmp_path, kind)
    for suffix in ("", ".pub"):
        ours, other = (Path(f"{path}{suffix}") for path in (keys / kind, theirs))
        mine, yours = json.loads(ours.read_bytes()), json.loads(other.read_bytes())
        assert list(mine) == list(yours)
        assert {k: mine[k] for k in ("use", "kty", "alg")} == {
            k: yours[k] for k in ("use", "kty", "alg")
        }
        assert ours.read_bytes() == json.dumps(mine, indent=2).encode()
        assert stat.S_IMODE(ours.stat().st_mode) == 0o600


@pytest.mark.needs("step")
@BOTH_WAYS
@pytest.mark.parametrize("kind", ["EC", "OKP", "RSA", "oct"])
def test_encrypted_jwks_are_opened_by_the_other(
    keys: Path, tmp_path: Path, maker: str, judge: str, kind: str
) -> None:
    password = ("--password-file", keys / "password")
    key = create(maker, tmp_path, kind, *password)
    outside = json.loads(key.read_bytes())
    assert list(outside) == ["protected", "encrypted_key", "iv", "ciphertext", "tag"]
    opened = json.loads(run_both(judge, "jwe", "decrypt", *password, stdin=key.read_bytes()))
    public = json.loads(Path(f"{key}.pub").read_bytes())
    assert {name: opened[name] for name in public} == public
    wrong = ("--password-file", f"{key}.pub")
    assert run_refused(NEWEL, "jwe", "decrypt", *wrong, stdin=key.read_bytes()).startswith(
        "error decrypting data: "
    )


@pytest.mark.needs("step")
@pytest.mark.parametrize("kind", ["EC", "OKP", "RSA"])
def test_public_thumbprint_and_sets_equal_the_originals(
    keys: Path, tmp_path: Path, kind: str
) -> None:
    jwk = (keys / kind).read_bytes()
    for verb in ("public", "thumbprint"):
        assert run_both(NEWEL, "jwk", verb, stdin=jwk) == run_both(STEP, "jwk", verb, stdin=jwk)
    sets = [tmp_path / "ours", tmp_path / "theirs"]
    for program, name in zip((NEWEL, STEP), sets, strict=True):
        for member in (kind, "P-384.pub", kind):
            run_both(program, "jwk", "keyset", "add", name, stdin=(keys / member).read_bytes())
    assert sets[0].read_bytes() == sets[1].read_bytes()
    kid = json.loads(jwk)["kid"]
    for words in (("list", sets[0]), ("find", sets[0], "--kid", kid), ("find", sets[0])):
        assert run_both(NEWEL, "jwk", "keyset", *words) == run_both(STEP, "jwk", "keyset", *words)
    for program, name in zip((NEWEL, STEP), sets, strict=True):
        run_both(program, "jwk", "keyset", "remove", name, "--kid", kid)
    assert sets[0].read_bytes() == sets[1].read_bytes()
    assert kid.encode() not in sets[0].read_bytes()


def test_a_locked_set_is_left_alone(keys: Path, tmp_path: Path) -> None:
    import fcntl

    name = tmp_path / "set"
    with name.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = run_refused(NEWEL, "jwk", "keyset", "add", name, stdin=(keys / "EC").read_bytes())
    assert said == f"error reading {name}: file is locked"
    assert name.read_bytes() == b""


@pytest.mark.needs("step")
@BOTH_WAYS
@pytest.mark.parametrize("kind", SIGNATURES)
def test_signatures_are_verified_by_the_other(
    keys: Path, maker: str, judge: str, kind: str
) -> None:
    for alg in SIGNATURES[kind]:
        subtle = ("--subtle",) if alg != SIGNATURES[kind][0] else ()
        jwt = run_both(maker, "jwt", "sign", "--key", keys / kind, "--alg", alg, *subtle, *FIXED)
        jws = run_both(
            maker,
            "jws",
            "sign",
            "--key",
            keys / kind,
            "--alg",
            alg,
            *subtle,
            stdin=b"\xef\xbb\xbfx",
        )
        if not subtle:
            words = ("--key", keys / f"{kind}.pub")
            assert run_both(judge, "jws", "verify", *words, stdin=jws) == b"\xef\xbb\xbfx"
            assert run_both(judge, "jwt", "verify", *words, "--iss", "i", "--aud", "a", stdin=jwt)
        pem = keys / f"{kind}.pem"
        if kind == "oct":
            pem.write_bytes(
                base64.urlsafe_b64decode(json.loads((keys / kind).read_bytes())["k"] + "==")
            )
        else:
            pem.write_bytes(run_both(NEWEL, "key", "public", keys / kind))
        for verb, token, more in (("jws", jws, ()), ("jwt", jwt, ("--iss", "i", "--aud", "a"))):
            assert run_both(judge, verb, "verify", "--key", pem, "--alg", alg, *more, stdin=token)


@pytest.mark.needs("step")
def test_tokens_say_the_same(keys: Path) -> None:
    payload = b'{"iss": "of the payload", "list": [1, 2.5, {"b": null, "a": "\xc3\xa9"}]}'
    words = ("jwt", "sign", "--key", keys / "OKP", *FIXED, "--aud", "b", "--header", "foo=bar")
    ours, theirs = (run_both(program, *words, stdin=payload) for program in (NEWEL, STEP))
    assert ours == theirs
    for verb in ("jwt", "jws"):
        inspect = (verb, "inspect", "--insecure")
        assert run_both(NEWEL, *inspect, stdin=ours) == run_both(STEP, *inspect, stdin=ours)
    full = run_both(NEWEL, "jose", "format", stdin=ours)
    assert full == run_both(STEP, "jose", "format", stdin=ours)
    assert run_both(NEWEL, "jose", "format", stdin=full) == ours
    headers = ("--jwk", "--typ", "T", "--cty", "C", "--jku", "https://example.com/jwks")
    ours, theirs = (
        run_both(program, "jws", "sign", "--key", keys / "OKP", *headers)
        for program in (NEWEL, STEP)
    )
    assert ours == theirs
    shown = ("jws", "verify", "--key", keys / "OKP.pub", "--json")
    assert run_both(NEWEL, *shown, stdin=ours) == run_both(STEP, *shown, stdin=ours)


@pytest.mark.needs("step")
def test_certificates_in_headers(tmp_path: Path) -> None:
    certificate, key = tmp_path / "crt", tmp_path / "key"
    words = [STEP, "certificate", "create", "foo", str(certificate), str(key), "--profile"]
    words += ["self-signed", "--subtle", "--no-password", "--insecure"]
    subprocess.run(words, capture_output=True, check=True)
    for flags in (("--x5c-cert",), ("--x5t-cert",), ("--x5c-insecure", "--x5c-cert")):
        sign = ("jwt", "sign", *FIXED, "--key", key, *flags, certificate)
        shown = [
            json.loads(
                run_both(NEWEL, "jwt", "inspect", "--insecure", stdin=run_both(program, *sign))
            )
            for program in (NEWEL, STEP)
        ]
        if "x5t" in shown[1]["header"]:
            shown[1]["header"]["x5t"] = shown[1]["header"]["x5t"].rstrip("=")
        assert shown[0]["header"] == shown[1]["header"]
    create(NEWEL, tmp_path, "EC", name="other")
    sign = ("jws", "sign", "--x5t-cert", certificate, "--key", tmp_path / "other")
    assert run_refused(NEWEL, *sign) == run_refused(STEP, *sign)
    run_both(NEWEL, "jwk", "create", tmp_path / "p", tmp_path / "none", "--from-pem", certificate)
    run_both(STEP, "jwk", "create", tmp_path / "q", tmp_path / "none", "--from-pem", certificate)
    assert (tmp_path / "p").read_bytes() == (tmp_path / "q").read_bytes()


CONTENT = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]


@pytest.mark.needs("step")
@BOTH_WAYS
@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("RSA", ["RSA-OAEP-256", "RSA-OAEP", "RSA1_5"]),
        ("EC", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]),
        ("P-521", ["ECDH-ES", "ECDH-ES+A192KW"]),
    ],
)
def test_messages_are_decrypted_by_the_other(
    tmp_path: Path, maker: str, judge: str, kind: str, algorithms: list[str]
) -> None:
    key = create(NEWEL, tmp_path, kind, "--use", "enc", *PLAIN)
    recipient = f"{key}.pub"
    for number, alg in enumerate(algorithms):
        flags = ("--alg", alg, "--subtle", "--enc", CONTENT[number], "--cty", "text")
        sealed = run_both(
            maker, "jwe", "encrypt", "--key", recipient, *flags, stdin=b"\xff secret\n"
        )
        assert run_both(judge, "jwe", "decrypt", "--key", key, stdin=sealed) == b"\xff secret\n"
        turned = run_both(NEWEL, "jose", "format", stdin=sealed)
        assert turned.count(b".") == 4
        assert run_both(judge, "jwe", "decrypt", "--key", key, stdin=turned) == b"\xff secret\n"


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    ("alg", "size"),
    [
        ("dir", 16),
        ("A128KW", 16),
        ("A192KW", 24),
        ("A256KW", 32),
        ("A128GCMKW", 16),
        ("A256GCMKW", 32),
    ],
)
def test_symmetric_recipients(tmp_path: Path, alg: str, size: int) -> None:
    flags = ("--use", "enc", "--alg", alg, "--size", size, "--kid", "k", *PLAIN)
    key = create(NEWEL, tmp_path, "oct", *flags)
    enc = ("--enc", "A128GCM")
    sealed = run_both(NEWEL, "jwe", "encrypt", "--key", f"{key}.pub", *enc, stdin=b"secret")
    for judge in (NEWEL, STEP):
        assert run_both(judge, "jwe", "decrypt", "--key", key, stdin=sealed) == b"secret"


def change(token: bytes, **header: Any) -> bytes:
    """The token with another header and the old signature."""
    first, rest = token.decode().strip().split(".", 1)
    members = json.loads(base64.urlsafe_b64decode(first + "==")) | header
    return f"{b64(json.dumps(members).encode())}.{rest}".encode()


@pytest.mark.attack("token-forgery")
def test_forged_tokens_are_refused(keys: Path, tmp_path: Path) -> None:
    token = run_both(NEWEL, "jwt", "sign", "--key", keys / "RSA", *FIXED)
    pem = tmp_path / "rsa.pem"
    pem.write_bytes(run_both(NEWEL, "key", "public", keys / "RSA"))
    checks = ("--iss", "i", "--aud", "a")
    header, payload, _ = token.decode().strip().split(".")
    confused = b64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + "." + payload
    mac = hmac.digest(pem.read_bytes(), confused.encode(), "sha256")
    forgeries = {
        "the public key as an HMAC key": f"{confused}.{b64(mac)}".encode(),
        "no algorithm": change(token, alg="none"),
        "another algorithm": change(token, alg="PS256"),
        "a header that must be understood": change(token, crit=["exp"]),
        "another payload": f"{header}.{b64(b'{}')}.{token.decode().split('.')[2]}".encode(),
        "no signature": f"{header}.{payload}.".encode(),
    }
    for name, forged in forgeries.items():
        for flags in ((), ("--alg", "RS256"), ("--insecure",)):
            finished = run(NEWEL, "jwt", "verify", "--key", pem, *checks, *flags, stdin=forged)
            assert (finished.returncode, finished.stdout) == (1, b""), name
    assert run_both(NEWEL, "jwt", "verify", "--key", pem, "--alg", "RS256", *checks, stdin=token)


@pytest.mark.attack("endless-decryption")
def test_a_password_message_cannot_ask_for_any_number_of_rounds(tmp_path: Path) -> None:
    for enc in ("A256GCM", "A128CBC-HS256"):
        header = {"alg": "PBES2-HS256+A128KW", "enc": enc, "p2c": 10**12, "p2s": b64(b"salt" * 4)}
        parts = (json.dumps(header).encode(), b"k" * 40, b"i" * 12, b"c", b"t" * 16)
        (tmp_path / "password").write_text("x")
        words = ("jwe", "decrypt", "--password-file", tmp_path / "password")
        message = ".".join(map(b64, parts)).encode()
        assert run_refused(NEWEL, *words, stdin=message).startswith("failed to decrypt JWE: ")


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "words",
    [
        ("jwt", "inspect"),
        ("jws", "inspect"),
        ("jwt", "sign"),
        ("jwt", "sign", "--key", "{EC.pub}", *FIXED),
        ("jwt", "sign", "--key", "{EC}"),
        ("jwt", "sign", "--key", "{EC}", "--iss", "i"),
        ("jwt", "sign", "--key", "{EC}", "--iss", "i", "--aud", "a"),
        ("jwt", "sign", "--key", "{EC}", "--iss", "i", "--aud", "a", "--sub", "s"),
        ("jwt", "sign", "--key", "{EC}", "--iss", "i", "--aud", "a", "--sub", "s", "--exp", "9"),
        ("jwt", "sign", "--key", "{EC}", "--jwks", "{EC}"),
        ("jwt", "sign", "--jwks", "{EC}"),
        ("jwt", "sign", "--x5c-cert", "{EC}"),
        ("jwt", "sign", "--key", "{EC}", "--x5c-cert", "{EC}", "--x5t-cert", "{EC}"),
        ("jwt", "sign", "--key", "{EC}", "--alg", "ES384", *FIXED),
        ("jwt", "sign", "--key", "{EC}", "--kid", "foo", *FIXED),
        ("jwt", "sign", "--key", "{EC}", "--header", "foo", *FIXED),
        ("jwt", "verify", "--iss", "i"),
        ("jwt", "verify", "--key", "{EC.pub}"),
        ("jwt", "verify", "--key", "{EC.pub}", "--iss", "i"),
        ("jwt", "verify", "--key", "{EC.pub}", "--iss", "j", "--aud", "b"),
        ("jwt", "verify", "--key", "{P-384.pub}", "--iss", "i", "--aud", "a"),
        ("jwt", "verify", "--key", "{EC.pub}", "--alg", "RS256", "--iss", "i", "--aud", "a"),
        ("jwt", "verify", "--key", "{EC.pub}", "--no-exp-check", "--iss", "i", "--aud", "a"),
        ("jws", "verify"),
        ("jws", "verify", "--key", "{OKP.pub}"),
        ("jwe", "encrypt"),
        ("jwe", "encrypt", "--alg", "foo"),
        ("jwe", "encrypt", "--key", "{RSA.pub}"),
        ("jwe", "encrypt", "--key", "{RSA.pub}", "--enc", "foo"),
        ("jwe", "encrypt", "--jwks", "{RSA.pub}"),
        ("jwk", "create", "a"),
        ("jwk", "create", "a", "a"),
        ("jwk", "create", "a", "b", "--kty", "foo"),
        ("jwk", "create", "a", "b", "--size", "3"),
        ("jwk", "create", "a", "b", "--kty", "RSA", "--crv", "P-256"),
        ("jwk", "create", "a", "b", "--kty", "RSA", "--size", "1024"),
        ("jwk", "create", "a", "b", "--kty", "oct", "--size", "3"),
        ("jwk", "create", "a", "b", "--kty", "OKP", "--use", "enc"),
        ("jwk", "create", "a", "b", "--crv", "P-333"),
        ("jwk", "create", "a", "b", "--alg", "RS256"),
        ("jwk", "create", "a", "b", "--no-password"),
        ("jwk", "public"),
        ("jwk", "thumbprint"),
    ],
)
def test_errors_read_as_the_originals(keys: Path, words: tuple[str, ...]) -> None:
    arguments = [str(keys / word[1:-1]) if word.startswith("{") else word for word in words]
    token = run_both(NEWEL, "jwt", "sign", "--key", keys / "EC", *FIXED)
    stdin = b"" if words[1] == "sign" else b"junk" if words[0] == "jwk" else token
    ours, theirs = (run_refused(program, *arguments, stdin=stdin) for program in (NEWEL, STEP))
    assert ours == theirs


def test_times_are_checked(keys: Path) -> None:
    sign = ("jwt", "sign", "--key", keys / "EC", "--subtle", "--iss", "i", "--aud", "a")
    verify = ("jwt", "verify", "--key", keys / "EC.pub", "--iss", "i", "--aud", "a")
    old = run_both(NEWEL, *sign, "--exp", "10")
    assert "token is expired by " in run_refused(NEWEL, *verify, stdin=old)
    assert run_both(NEWEL, *verify, "--no-exp-check", "--insecure", stdin=old)
    early = run_both(NEWEL, *sign, "--nbf", "4000000000")
    assert (
        run_refused(NEWEL, *verify, stdin=early) == "validation failed: token not valid yet (nbf)"
    )


def test_keys_come_out_of_sets_by_the_tokens_own_kid(keys: Path, tmp_path: Path) -> None:
    name = tmp_path / "set"
    for kind in ("EC", "OKP"):
        run_both(NEWEL, "jwk", "keyset", "add", name, stdin=(keys / kind).read_bytes())
    kid = json.loads((keys / "OKP").read_bytes())["kid"]
    token = run_both(NEWEL, "jwt", "sign", "--jwks", name, "--kid", kid, *FIXED)
    verify = ("jwt", "verify", "--jwks", name, "--iss", "i", "--aud", "a")
    assert json.loads(run_both(NEWEL, *verify, stdin=token))["header"]["kid"] == kid
    assert run_refused(NEWEL, *verify, "--kid", "other", stdin=token) == (
        f"cannot find key with kid other on {name}"
    )


def test_a_closed_stdin_is_an_error_like_any_other(keys: Path) -> None:
    words = f"'{NEWEL}' crypto jwt verify --key '{keys / 'EC.pub'}' --iss i --aud a <&-"
    finished = subprocess.run(["sh", "-c", words], capture_output=True, check=False)
    assert (finished.returncode, finished.stdout) == (1, b"")
    assert finished.stderr == b"read /dev/stdin: bad file descriptor\n"
