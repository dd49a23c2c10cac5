"""Templates that demand what only a request has: the request is refused, and the audit trail says why."""

import pytest

from fixtures.authority import EPOCH
from newel.certtemplates.ssh_content import SSHContent
from newel.registration.provisioners.ssh_templates import SSHTemplate, SSHTemplateInput
from newel.runtime.errors import ErrorType, NewelError

DEMANDING = """{"type": "user", "keyId": "k", "principals": [
  {{ if .Insecure.CR.Principals }}{{ toJson (index .Insecure.CR.Principals 0) }}
  {{ else }}{{ fail "a team is missing" }}{{ end }}]}"""
QUOTED = """{"type": "user", "principals": ["ann"], "keyId":
  {{ if contains "\\"" .Insecure.User.note }}"quoted"{{ else }}{{ fail "a quote is missing" }}{{ end }}}"""


def load(text: str) -> SSHTemplate:
    found = SSHTemplate.from_options({"ssh": {"template": text}})
    assert found is not None
    return found


def make_input(principals: list[str], user: bytes = b"") -> SSHTemplateInput:
    usual = SSHContent.usual("user", "k", ["ann"])
    return SSHTemplateInput(usual, {"Principals": principals}, user=user)


def test_a_principal_that_is_not_known_to_be_the_operator_s() -> None:
    template = load(DEMANDING)
    found = template.render(make_input(["ann"]), EPOCH, known_only=True)
    assert list(found.principals) == ["ann"]
    with pytest.raises(NewelError, match="takes 'root' from the request") as refusal:
        template.render(make_input(["root"]), EPOCH, known_only=True)
    assert refusal.value.type is ErrorType.FORBIDDEN
    assert refusal.value.cause.endswith("the template fails: a team is missing")
    assert "a team is missing" not in refusal.value.detail


def test_a_quote_that_the_template_demands() -> None:
    with pytest.raises(NewelError, match="passes data through toJson") as refusal:
        load(QUOTED).render(make_input(["ann"], b'{"note": "a \\" b"}'), EPOCH)
    assert refusal.value.cause.endswith("the template fails: a quote is missing")
