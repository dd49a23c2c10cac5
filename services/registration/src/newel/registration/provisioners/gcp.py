"""GCP provisioners: the identity token that Google signs for an instance of Compute Engine."""

import datetime as dt
from collections.abc import Awaitable

import msgspec

from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.instances import (
    Instance,
    InstanceProvisioner,
    check_age,
    check_text,
    check_url,
    parse_age,
)
from newel.registration.provisioners.key_set_sources import Access, share_key_set
from newel.registration.provisioners.provisioner import ProvisionerContext, TokenRules, check_times
from newel.registration.provisioners.ssh_grant import USERS, SSHChoice, SSHGrant
from newel.step.audiences import Method
from newel.step.provisioners import GCPNewel, GCPProvisionerConfig
from newel.step.tokens import SSHOptions, Token, UnverifiedToken

KEYS_URL = "https://www.googleapis.com/oauth2/v3/certs"
_ISSUER = "https://accounts.google.com"
_LONGEST = dt.timedelta(hours=2)
"""How far the expiry of Google's tokens may lie ahead; it is an hour."""


class _ComputeEngine(msgspec.Struct):
    """What Google says of the instance."""

    instance_id: str = ""
    instance_name: str = ""
    instance_creation_timestamp: float | None = None
    project_id: str = ""
    zone: str = ""


class _Google(msgspec.Struct):
    compute_engine: _ComputeEngine


class _Claims(msgspec.Struct):
    """A token of ``format=full``; one of ``format=standard`` names no instance."""

    google: _Google
    email: str = ""
    email_verified: bool = True


_claims = msgspec.json.Decoder(_Claims)


class GCPProvisioner(InstanceProvisioner):
    """One GCP provisioner. It is usable as soon as Google's keys could be fetched."""

    def __init__(self, record: GCPProvisionerConfig, context: ProvisionerContext) -> None:
        super().__init__(record, context)
        own = record.newel or GCPNewel()
        self._certifies_hosts = not record.disable_ssh_ca_host
        self._certifies_users = record.disable_ssh_ca_user is False
        self._service_accounts = frozenset(record.service_accounts or ())
        self._projects = frozenset(record.project_ids or ())
        self._longest_age = parse_age(record.instance_age)
        self._issuer = own.issuer or _ISSUER
        access = Access(ca_file=own.ca_file)
        url = check_url(own.keys_url or KEYS_URL, "newel.keysURL")
        self._keys = share_key_set(context.key_sets, url, access)

    @property
    def problem(self) -> str:
        """Why no token can be verified now; ``""`` when they can."""
        return self._keys.problem

    def prepare(self, token: UnverifiedToken) -> Awaitable[None] | None:
        """Return the fetch of Google's keys where the token's is not at hand."""
        return self._keys.prepare(token.header.kid or "")

    def identify(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime, method: Method
    ) -> Instance:
        """Verify a token and return the instance that it proves.

        1. Google's signature; 2. times, issuer and audience; 3. what it says of the instance;
        4. service account, project and age.
        """
        verified, _ = self._keys.verify(token)
        check_times(verified, now, _LONGEST)
        if verified.claims.iss != self._issuer:
            raise unauthorized_error(f"the token's issuer is not {self._issuer} (iss)")
        if not rules.audiences.accepts(method, verified.claims.audience, self.id):
            raise unauthorized_error("the token is for another audience (aud)")
        try:
            claims = _claims.decode(verified.payload)
        except (ValueError, RecursionError):
            raise unauthorized_error("the token says nothing of an instance (google)") from None
        engine = claims.google.compute_engine
        self._check_service_account(verified.claims.sub, claims)
        if self._projects and engine.project_id not in self._projects:
            raise unauthorized_error("the instance is of another project")
        check_age(_read_time(engine.instance_creation_timestamp), self._longest_age, now)
        return self._describe(verified, engine)

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify a token and return its grant: a host's, and a user's for the service account, where enabled.

        Raises ``unauthorized`` where neither is.
        """
        self.require_ssh()
        if not (self._certifies_hosts or self._certifies_users):
            raise unauthorized_error(
                "certificates of hosts for SSH are disabled (disableSSHCAHost), and of users (disableSSHCAUser)"
            )
        instance = self.identify(token, rules, now, Method.SSH_SIGN)
        host = self.grant_host(instance)
        if not self._certifies_users:
            return host
        user = self._grant_user(instance, host)
        return host._replace(others={"user": user}) if self._certifies_hosts else user

    def _grant_user(self, instance: Instance, host: SSHGrant) -> SSHGrant:
        """Grant the service account of an instance the names of its own, and no others."""
        subject = check_text(instance.token.claims.sub, "sub")
        claims = _claims.decode(instance.token.payload)
        email = claims.email if claims.email_verified else ""
        principals = [f"sa_{subject}", *([email] if email else [])]
        return host._replace(
            types=USERS,
            type="user",
            key_id=email or principals[0],
            principals=principals,
            choice=SSHChoice.NOTHING,
            options=SSHOptions(principals=principals),
        )

    def _check_service_account(self, subject: str, claims: _Claims) -> None:
        if not self._service_accounts or subject in self._service_accounts:
            return
        if not claims.email_verified or claims.email not in self._service_accounts:
            raise unauthorized_error("the instance has another service account")

    def _describe(self, token: Token, engine: _ComputeEngine) -> Instance:
        id = check_text(engine.instance_id, "instance_id")  # noqa: A001 - Google calls it the id
        name = check_text(engine.instance_name, "instance_name")
        project = check_text(engine.project_id, "project_id")
        zone = check_text(engine.zone, "zone")
        own_names = (f"{name}.c.{project}.internal", f"{name}.{zone}.c.{project}.internal")
        key_values = (("InstanceID", id), ("InstanceName", name))
        reference = self.reference(token.claims.sub, key_values)
        return Instance(token, id, name, own_names, (name, id, *own_names), reference, id)


def _read_time(seconds: float | None) -> dt.datetime | None:
    if seconds is None:
        return None
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        raise unauthorized_error("the creation time of the instance is none") from None
