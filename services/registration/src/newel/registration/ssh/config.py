"""The part of the registration authority's configuration that is about SSH."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from newel.crypto.ssh.key_quality import UnusableKeyError, load_key
from newel.registration.ssh.keys import ForeignKey
from newel.runtime.config import Config

_ADDRESS = r"^(https?://[^\s#]+)?$"


class SSHKeyConfig(Config):
    """A key of another authority."""

    type: Literal["user", "host"]
    """Whose certificates it signs."""
    public_key: str
    """Base64 of the key in wire form, as in an ``authorized_keys`` line."""
    federated: bool = False
    """Whether only clients trust it, and this authority renews none of its certificates."""

    @field_validator("public_key")
    @classmethod
    def _usable(cls, text: str) -> str:
        try:
            load_key(base64.b64decode(text, validate=True))
        except (binascii.Error, UnusableKeyError) as error:
            raise ValueError(f"not a public key: {error}") from None
        return text


class SSHTemplateConfig(Config):
    """One file of a client's or a server's SSH configuration, made from a template."""

    name: str
    """What it is called in errors."""
    type: Literal["file", "snippet", "prepend-line", "directory", "line"] = "file"
    """What the client does with it."""
    template: Path | None = None
    """The file of the Go template; none for a directory."""
    path: str
    """Where the client puts it, a Go template too."""
    comment: str = "#"
    """What begins a comment in it."""
    requires: tuple[str, ...] = ()
    """Variables that the client has to give."""


class SSHConfig(Config):
    """SSH: further keys, and what clients and hosts are told."""

    krl_source: str = Field(default="", pattern=_ADDRESS, max_length=1024)
    """Where the validation authority serves the key revocation list, such as
    ``http://validation:9080/ssh/krl``: it is fetched from there, verified by its signature, and served at
    ``/ssh/krl``. Requests go where ``outgoing`` lets them."""
    krl_url: str = Field(default="", pattern=_ADDRESS, max_length=1024)
    """Where clients that ask for the list here are led instead (307), by the name that they know. With
    neither it is not found."""
    keys: tuple[SSHKeyConfig, ...] = ()
    """Keys of other authorities that are trusted as well."""
    bastion: dict[str, str] = Field(default_factory=dict[str, str])
    """The host that connections go through: hostname, user, port, cmd, flags."""
    add_user_principal: str = Field(default="provisioner", min_length=1)
    """Whom hosts let in to add the account of a new user."""
    add_user_command: str = "sudo useradd -m <principal>; nc -q0 localhost 22"
    """What this one may run there; the name of the new user stands for ``<principal>``."""
    hide_hosts: bool = False
    """Whether the list of hosts is not given out."""
    host_tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=20
    )
    """Attributes of the inventory's metadata that the list of hosts, which anyone may read, tells of each
    host, such as `team` and `environment`."""
    user_templates: tuple[SSHTemplateConfig, ...] = ()
    """The configuration of clients."""
    host_templates: tuple[SSHTemplateConfig, ...] = ()
    """The configuration of servers."""
    template_data: dict[str, str] = Field(default_factory=dict[str, str])
    """Variables of those templates, besides those that a client gives."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.krl_source and self.krl_url:
            raise ValueError(
                "krl_source has the key revocation list served here, and krl_url leads clients elsewhere: set one"
            )
        return self

    def foreign_keys(self) -> list[ForeignKey]:
        """Return the further keys in wire form."""
        return [
            ForeignKey(each.type, base64.b64decode(each.public_key), each.federated)
            for each in self.keys
        ]
