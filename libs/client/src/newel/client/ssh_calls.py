"""The SSH half of the step API as values, like `newel.client.calls`. Keys and certificates are in wire form."""

import binascii
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from newel.client.answers import members, rows, text
from newel.client.calls import Answer, Call, message_of
from newel.client.calls import post as post_json
from newel.client.errors import AnswerError, RefusedError

NO_SSH = "the authority issues no SSH certificates"
UNKNOWN = (404, 405, 501)
"""What an authority answers that has no such method."""


class SSHCall(Call[Answer]):
    """A call that only an authority with SSH keys answers."""

    def answer(self, status: int, body: bytes, retry_after: str | None = None) -> Answer:
        """Return what a 2xx answer says. Raises RefusedError (also without SSH) or AnswerError."""
        if status in UNKNOWN:
            said = message_of(status, body)  # a router speaks of resources, not of SSH
            raise RefusedError(status, said if "ssh" in said.lower() else NO_SSH)
        return super().answer(status, body, retry_after)


def post(path: str, body: dict[str, Any], read: Callable[[bytes], Answer]) -> SSHCall[Answer]:
    """Return a call that carries a JSON body."""
    call = post_json(path, body, read)
    return SSHCall(call.method, call.path, call.read, call.body, call.headers)


class IssuedSSHCertificate(NamedTuple):
    """What a certificate was asked for answers with."""

    certificate: bytes
    add_user: bytes
    """The certificate of the user who makes users; b"" when none was asked for."""
    identity: Sequence[str]
    """The X.509 chain of the identity request, PEM; [] when there was none."""


class SSHKeys(NamedTuple):
    """Public keys of certificate authorities."""

    user: Sequence[bytes]
    host: Sequence[bytes]


class Template(NamedTuple):
    """A file, or a part of one, that configures SSH."""

    kind: str
    """``file``, ``snippet``, ``prepend-line`` or ``directory``."""
    path: str
    comment: str
    content: bytes


class Host(NamedTuple):
    """A host the authority has certified."""

    name: str
    id: str
    tags: Sequence[tuple[str, str]]


class Bastion(NamedTuple):
    """What stands before a host; ``hostname`` is "" when nothing does."""

    hostname: str
    user: str
    port: str
    command: str
    flags: str


def sign(
    public_key: bytes,
    token: str,
    *,
    kind: str,
    key_id: str,
    principals: Sequence[str],
    valid_after: str = "",
    valid_before: str = "",
    add_user_key: bytes = b"",
    identity_csr: str = "",
    template_data: dict[str, Any] | None = None,
) -> Call[IssuedSSHCertificate]:
    """Ask for a ``user`` or ``host`` certificate. Times are RFC 3339 or Go durations."""
    optional: dict[str, Any] = {
        "addUserPublicKey": encode(add_user_key),
        "identityCSR": identity_csr,
        "templateData": template_data,
    }
    body: dict[str, Any] = {
        "publicKey": encode(public_key), "ott": token, "certType": kind, "keyID": key_id,
        "principals": list(principals), "validAfter": valid_after, "validBefore": valid_before,
        **{name: value for name, value in optional.items() if value},
    }  # fmt: skip # a table
    return post("/ssh/sign", body, read_certificate)


def renew(token: str) -> Call[IssuedSSHCertificate]:
    """Renew the host certificate that signed the token."""
    return post("/ssh/renew", {"ott": token}, read_certificate)


def rekey(token: str, public_key: bytes) -> Call[IssuedSSHCertificate]:
    """Renew the host certificate that signed the token, with another key."""
    return post("/ssh/rekey", {"ott": token, "publicKey": encode(public_key)}, read_certificate)


def revoke(serial: str, token: str, *, reason_code: int = 0, reason: str = "") -> Call[str]:
    """Stop the renewal of the certificate of this serial."""
    body = {
        "serial": serial, "ott": token, "reasonCode": reason_code, "reason": reason, "passive": True,
    }  # fmt: skip # a table
    return post("/ssh/revoke", body, lambda answer: text(members(answer), "status"))


def roots() -> Call[SSHKeys]:
    """Read the keys that this authority signs with."""
    return Call("GET", "/ssh/roots", keys)


def federation() -> Call[SSHKeys]:
    """Those keys and the ones of the authorities it is federated with."""
    return Call("GET", "/ssh/federation", keys)


def config(kind: str, data: dict[str, str]) -> Call[Sequence[Template]]:
    """Read the configuration of a ``user`` or of a ``host``."""

    def read(body: bytes) -> Sequence[Template]:
        return [
            Template(
                text(row, "type", default=""),
                text(row, "path"),
                text(row, "comment", default=""),
                octets(row, "content"),
            )
            for row in rows(members(body), f"{kind}Templates")
        ]

    return post("/ssh/config", {"type": kind, "data": data}, read)


def check_host(name: str, token: str = "") -> Call[bool]:
    """Whether the authority has certified this host."""
    body = {"type": "host", "principal": name, **({"token": token} if token else {})}
    return post("/ssh/check-host", body, lambda answer: bool(members(answer).get("exists")))


def hosts() -> Call[Sequence[Host]]:
    """Every host the authority has certified."""

    def read(body: bytes) -> Sequence[Host]:
        return [
            Host(
                text(row, "hostname"),
                text(row, "hid", default=""),
                [(text(tag, "Name"), text(tag, "Value")) for tag in rows(row, "host_tags")],
            )
            for row in rows(members(body), "hosts")
        ]

    return SSHCall("GET", "/ssh/hosts", read)


def bastion(user: str, host: str) -> Call[Bastion]:
    """Read what a connection to a host goes through."""

    def read(body: bytes) -> Bastion:
        found = members(body).get("bastion") or {}
        if not isinstance(found, dict):
            raise AnswerError("the authority's answer cannot be read: its bastion is no object")
        names = ("hostname", "user", "port", "cmd", "flags")
        return Bastion(*(str(found.get(name) or "") for name in names))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] - JSON

    return post("/ssh/bastion", {"user": user, "hostname": host}, read)


def read_certificate(body: bytes) -> IssuedSSHCertificate:
    """Return what sign, renew and rekey answer."""
    found = members(body)
    identity = found.get("identityCrt") or []
    if not isinstance(identity, list):
        raise AnswerError("the authority's answer cannot be read: its identity is no list")
    chain = [str(each) for each in identity]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    return IssuedSSHCertificate(octets(found, "crt"), octets(found, "addUserCrt"), chain)


def keys(body: bytes) -> SSHKeys:
    """Return the lists of user and host keys."""
    found = members(body)
    lists = [
        [octets({name: each}, name) for each in found.get(name) or []]
        for name in ("userKey", "hostKey")
    ]
    return SSHKeys(*lists)


def octets(found: dict[str, Any], name: str) -> bytes:
    """Return a member in base64; b"" if missing. Raises AnswerError."""
    try:
        return binascii.a2b_base64(text(found, name, default=""), strict_mode=True)
    except binascii.Error:
        raise AnswerError(f"the authority's answer cannot be read: {name} is no base64") from None


def encode(data: bytes) -> str:
    """Return octets as the API carries them."""
    return binascii.b2a_base64(data, newline=False).decode()
