"""SSH certificates: the authority's key signs its one type, with an end and with principals."""

import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import ssh

from fixtures.signer import SignerHarness, open_harness
from fixtures.statements import NOW
from newel.crypto import keys
from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.public_keys import wire_of
from newel.signer.app import AuthorityFiles

SECONDS = int(NOW.timestamp())
DAY = 86_400


class UnsignedCertificate:
    """A certificate that ssh-keygen made with another key, to be cut up and put together again."""

    def __init__(self, folder: Path, authority: bytes) -> None:
        self.authority = authority
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        builder = (
            ssh.SSHCertificateBuilder()
            .public_key(key)
            .serial(77)
            .type(ssh.SSHCertificateType.USER)
            .key_id(b"alice@example.com")
            .valid_principals([b"alice"])
            .valid_after(SECONDS)
            .valid_before(SECONDS + DAY)
        )
        signed = builder.sign(ec.generate_private_key(ec.SECP256R1()))
        import base64

        self.blob = base64.b64decode(signed.public_bytes().split()[1])

    def body(
        self,
        *,
        kind: int = 1,
        principals: tuple[bytes, ...] = (b"alice",),
        after: int = SECONDS,
        before: int = SECONDS + DAY,
        options: tuple[tuple[bytes, bytes], ...] = (),
        authority: bytes | None = None,
        rest: bytes = b"",
    ) -> bytes:
        head = self.blob[: self.blob.index(struct.pack(">QI", 77, 1))]
        pairs = b"".join(string(name) + string(string(value)) for name, value in options)
        return b"".join(
            (
                head,
                struct.pack(">QI", 77, kind),
                string(b"alice@example.com"),
                string(b"".join(map(string, principals))),
                struct.pack(">QQ", after, before),
                string(pairs),
                string(string(b"permit-pty") + string(b"")),
                string(b""),
                string(authority or self.authority),
                rest,
            )
        )


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def open_ssh_harness(
    files: AuthorityFiles, kind: str, *, lists: bool = False
) -> tuple[SignerHarness, UnsignedCertificate, Path]:
    private = keys.generate(kind)
    key_file = files.root_key.parent.parent / "ssh_ca"
    password = b"correct horse"
    key_file.write_bytes(keys.encrypt_private_key(private, password))
    configured = {
        "keys": [
            {
                "name": "ssh-user",
                "store": {"kind": "file", "path": key_file, "password_file": files.password_file},
                "ssh": {
                    "certificate_type": "user",
                    "max_validity": "24h",
                    "revocation_lists": lists,
                },
            }
        ]
    }
    blob = wire_of(private)
    return (
        open_harness(files, configured),
        UnsignedCertificate(key_file.parent, blob),
        key_file.parent,
    )


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA-2048", "Ed25519"])
async def test_openssh_takes_what_was_signed(files: AuthorityFiles, kind: str) -> None:
    harness, unsigned, folder = open_ssh_harness(files, kind)
    options = ((b"force-command", b"/bin/true"),)
    body = unsigned.body(options=options)
    (answer,) = await harness.sign("SignSSHCertificate", body, key="ssh-user")
    assert answer.signature, answer.error
    import base64

    line = b"ecdsa-sha2-nistp256-cert-v01@openssh.com " + base64.b64encode(
        body + string(answer.signature)
    )
    certificate: Any = ssh.load_ssh_public_identity(line)
    certificate.verify_cert_signature()
    path = folder / "id-cert.pub"
    path.write_bytes(line + b"\n")
    said = subprocess.run(
        ["ssh-keygen", "-L", "-f", path], check=True, capture_output=True, text=True
    ).stdout
    assert "alice@example.com" in said
    assert "force-command /bin/true" in said
    assert harness.audit.lines[-1]["subject"] == "77 alice@example.com alice"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a host": ({"kind": 2}, "not a user certificate"),
    "no type": ({"kind": 3}, "not a user certificate"),
    "no principals": ({"principals": ()}, "without principals"),
    "an empty principal": ({"principals": (b"",)}, "without principals"),
    "no end": ({"before": 2**64 - 1}, "never expires"),
    "two days": ({"before": SECONDS + 2 * DAY}, "the maximum of"),
    "over": ({"after": SECONDS - DAY, "before": SECONDS - 1}, "expired before"),
    "tomorrow": ({"after": SECONDS + DAY, "before": SECONDS + DAY + 60}, "too far ahead"),
    "in two years": (
        {"after": SECONDS + 730 * DAY, "before": SECONDS + 731 * DAY}, "too far ahead"),
    "backwards": ({"after": SECONDS + 500, "before": SECONDS + 400}, "expired before"),
    "an odd option": ({"options": ((b"root", b"yes"),)}, "critical options"),
    "another authority": ({"authority": b"x" * 51}, "another signature key"),
    "something after it": ({"rest": b"x"}, "malformed"),
}  # fmt: skip # a table


@pytest.mark.attack("X05")
@pytest.mark.parametrize("case", BAD)
async def test_what_the_authority_may_not_sign(files: AuthorityFiles, case: str) -> None:
    arguments, cause = BAD[case]
    harness, unsigned, _ = open_ssh_harness(files, "P-256")
    given: dict[str, Any] = dict(arguments)
    (answer,) = await harness.sign("SignSSHCertificate", unsigned.body(**given), key="ssh-user")
    assert not answer.signature
    assert cause in f"{answer.error.type} {answer.error.cause}"
    assert harness.audit.lines[-1]["outcome"] == "refused"


@pytest.mark.attack("P09")
@pytest.mark.parametrize("size", [0, 1, 4, 30, 100, 200])
async def test_a_body_cut_short_is_malformed(files: AuthorityFiles, size: int) -> None:
    harness, unsigned, _ = open_ssh_harness(files, "P-256")
    body = unsigned.body()[:size]
    (answer,) = await harness.sign("SignSSHCertificate", body, key="ssh-user")
    assert answer.error.type == "malformed"


@pytest.mark.parametrize("kind", ["P-256", "RSA-2048", "Ed25519"])
async def test_a_list_gets_a_signature_that_verifies(files: AuthorityFiles, kind: str) -> None:
    harness, unsigned, _ = open_ssh_harness(files, kind, lists=True)
    listed = krl.encode(5, SECONDS, {unsigned.authority: [7, 2**64 - 1]})
    (answer,) = await harness.sign("SignKRL", listed, key="ssh-user")
    assert answer.signature, answer.error
    found = detached.verify(answer.signature, "ssh-krl", listed, [unsigned.authority])
    assert found == unsigned.authority
    assert harness.audit.lines[-1]["subject"] == "5"


@pytest.mark.parametrize("lists", [True, False])
async def test_nothing_else_is_signed_as_a_list(files: AuthorityFiles, *, lists: bool) -> None:
    """Neither certificates, nor what a signature of ssh-keygen covers, nor a list of another day."""
    harness, unsigned, _ = open_ssh_harness(files, "P-256", lists=lists)
    for body in (
        unsigned.body(), detached.frame("git", b""), b"", krl.MAGIC,
        krl.encode(1, SECONDS + DAY, {}), krl.encode(1, SECONDS - DAY, {}),
    ):  # fmt: skip # what is refused, in rows
        (answer,) = await harness.sign("SignKRL", body, key="ssh-user")
        assert answer.HasField("error")
        assert harness.audit.lines[-1]["outcome"] == "refused"
    (answer,) = await harness.sign("SignKRL", krl.encode(1, SECONDS, {}), key="ssh-user")
    assert answer.HasField("error") is not lists
    (answer,) = await harness.sign("SignSSHCertificate", krl.encode(1, SECONDS, {}), key="ssh-user")
    assert answer.HasField("error")
