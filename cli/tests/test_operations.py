"""Operations take plain values: no parser, no terminal and no process is needed to call them."""

from pathlib import Path

import pytest

from newel.cli.errors import CliError, UsageError
from newel.cli.jose import jose_keys, jws_headers
from newel.cli.operations.ca_init import answers, configuration
from newel.cli.operations.ca_init.init_options import InitOptions
from newel.cli.operations.connection import AuthorityOptions
from newel.cli.operations.enroll import from_token
from newel.cli.operations.inventory.questions import resolve_filters
from newel.cli.operations.ssh import issuance
from newel.cli.operations.ssh.ssh_options import SIGNERS, SSHOptions
from newel.cli.operations.tokens.one_time_tokens import token_of
from newel.cli.operations.tokens.signed_tokens import TokenRequest
from newel.cli.operations.tokens.token_claims import unverified_claims
from newel.cli.operations.tokens.token_options import TokenOptions
from newel.client.throwaway import ThrowawayAuthority
from newel.step import escrow


@pytest.fixture
def authority(tmp_path: Path) -> AuthorityOptions:
    return AuthorityOptions("newel ca token", tmp_path)


def test_a_token_is_signed_by_the_key_the_password_opens(authority: AuthorityOptions) -> None:
    provisioner = escrow.new_jwk_provisioner("ops", b"secret")
    password = authority.folder / "password"
    password.write_text("secret\n")
    options = TokenOptions(authority, password_file=str(password))
    request = TokenRequest("host.internal", "https://ca.internal/1.0/sign", sans=["host.internal"])
    token = token_of(options, provisioner, request)
    claims = unverified_claims(token)
    assert (claims["iss"], claims["sub"], claims["aud"]) == (
        "ops",
        request.subject,
        request.audience,
    )
    assert claims["sans"] == ["host.internal"]


@pytest.mark.parametrize("subject", ["host.internal", "HOST.Internal", "other.internal"])
def test_a_token_is_good_for_its_subject_in_any_case(
    authority: AuthorityOptions, subject: str
) -> None:
    provisioner = escrow.new_jwk_provisioner("ops", b"secret")
    password, root = authority.folder / "password", authority.folder / "root.crt"
    password.write_text("secret\n")
    root.write_text(ThrowawayAuthority().root_pem)
    request = TokenRequest("Host.internal", "https://ca.internal/1.0/sign", sans=["host.internal"])
    token = token_of(TokenOptions(authority, password_file=str(password)), provisioner, request)
    options = authority._replace(root=str(root), root_given=True)
    if subject == "other.internal":
        with pytest.raises(CliError, match=r"'Host\.internal' and argument 'other\.internal'"):
            from_token(options, token, subject, [])
    else:
        assert from_token(options, token, subject, []).subject == subject


def test_a_wrong_password_makes_no_token(authority: AuthorityOptions) -> None:
    password = authority.folder / "password"
    password.write_text("wrong\n")
    options = TokenOptions(authority, password_file=str(password))
    with pytest.raises(CliError, match="invalid password"):
        token_of(options, escrow.new_jwk_provisioner("ops", b"secret"), TokenRequest("a", "b"))


def test_a_provisioner_without_tokens_is_refused(authority: AuthorityOptions) -> None:
    with pytest.raises(CliError, match="ACME provisioners do not support token auth flows"):
        token_of(TokenOptions(authority), {"type": "ACME", "name": "acme"}, TokenRequest("a", "b"))


@pytest.mark.parametrize(
    ("x5c_cert", "offline", "kinds"),
    [(None, False, list(SIGNERS)), (None, True, ["JWK", "X5C"]), ("a.crt", False, [])],
)
def test_credentials_decide_which_provisioners_sign_ssh_certificates(
    authority: AuthorityOptions, x5c_cert: str | None, offline: bool, kinds: list[str]
) -> None:
    options = SSHOptions(
        TokenOptions(authority, x5c_cert=x5c_cert), "usage", kinds=SIGNERS, offline=offline
    )
    assert issuance.kinds(options) == kinds


def test_filters_are_what_the_service_takes() -> None:
    given = {
        "provisioner-type": "ACME",
        "serial": "0x0A:0b",
        "expires-before": "2030-01-02T03:04:05Z",
    }
    assert resolve_filters(given) == {
        "provisioner_type": "ACME",
        "serial": "0a0b",
        "expires_before": "2030-01-02T03:04:05Z",
    }


def test_a_new_authority_has_the_provisioners_it_was_asked_for(tmp_path: Path) -> None:
    options = InitOptions(acme=True, ssh=True, no_db=True)
    given = answers.Answers("standalone", "Test", ["ca.internal"], ":9000", "acme", b"a", b"b")
    config = configuration.ca_json(options, given, configuration.Layout(tmp_path))
    found = [(each["type"], each["name"]) for each in config["authority"]["provisioners"]]
    assert found == [("JWK", "acme"), ("ACME", "acme-1"), ("SSHPOP", "sshpop")]
    assert "db" not in config
    assert config["ssh"]["hostKey"] == str(tmp_path / "secrets/ssh_host_ca_key")


def test_the_first_administrator_is_the_one_asked_for(tmp_path: Path) -> None:
    options = InitOptions(remote_management=True, admin_subject="ann@ca.internal")
    given = answers.Answers("standalone", "Test", ["ca.internal"], ":9000", "admin", b"a", b"b")
    config = configuration.ca_json(options, given, configuration.Layout(tmp_path))
    assert config["authority"]["enableAdmin"] is True
    assert config["newel"] == {"registration": {"firstAdministrator": "ann@ca.internal"}}


def test_a_root_needs_its_key() -> None:
    with pytest.raises(UsageError, match="'--root' requires the '--key' flag"):
        answers.check(InitOptions(root="root.crt"))


def test_one_source_of_a_key_is_named() -> None:
    with pytest.raises(UsageError, match="one of flag --key or --jwks is required"):
        jose_keys.require_source(jose_keys.KeySource())
    with pytest.raises(UsageError, match="mutually exclusive"):
        jose_keys.require_source(jose_keys.KeySource("a.jwk", "b.json"))


def test_a_certificate_in_a_header_goes_with_a_key_file() -> None:
    source = jws_headers.CertificateSource(x5c_cert="a.crt")
    with pytest.raises(UsageError, match="one of flag --key or --x5c-key is required"):
        jws_headers.check_source(source, None, [])
    with pytest.raises(UsageError, match="'--x5c-cert' and flag '--jwks' are mutually exclusive"):
        jws_headers.check_source(source, "a.key", ["jwks"])
