"""Our name policies decide as step-ca's, with the differences that docs/divergences.md explains.

``policy_verdicts.json`` holds what the real step-ca answered; record_policies.py asks it again.
"""

import functools

import msgspec
import pytest

from conformance import policy_corpus as corpus
from newel.crypto import names
from newel.crypto.distinguished_names import common_name
from newel.registration.errors import PolicyError
from newel.registration.policy.levels import check_x509, compile_policies
from newel.step.policies import NamePolicy, PolicyConfig

PREFIX = "The request was forbidden by the certificate authority: "
WILDCARDS = {"*.example.com", "*.www.example.com", "CN=*.example.com"}
OTHER_NAMES = {
    "www.example.com", "a.b.example.com", "bad.example.com", "notexample.com", "localhost", "example.org",
    "xn--bcher-kva.example", "www.example.com other.test", "www.example.com 10.0.0.1", "CN=Bob",
    "CN=Service", "CN=www.example.com", "CN=bad.example.com", "CN=a.b.example.com",
}  # fmt: skip # a table
OTHER_COMMON_NAMES = {
    f"CN={name}"
    for name in corpus.COMMON_NAMES
    if name not in {"www.example.com", "Alice Smith", "ALICE SMITH"}
}

REFUSED_HERE: dict[str, set[str]] = {
    # a wildcard is allowed by the switch alone, not by a policy that only denies
    "deny a host": WILDCARDS,
    "deny one label more": WILDCARDS,
    "deny a network": WILDCARDS,
    "deny a mailbox": WILDCARDS | {"Alice@example.com"},  # and mailboxes are compared in any case
    "deny hosts of URIs": WILDCARDS,
    # a wildcard stands for the host that is denied
    "deny below what is allowed": {"*.example.com", "CN=*.example.com"},
    # a denied common name is denied, and one that is not is still held to the other lists
    "deny a common name": WILDCARDS | {"CN=bad.example.com"},
    "deny common names, allow hosts": OTHER_COMMON_NAMES,
    # a deny list does not allow the rest of its kind where anything else has an allow list
    "allow mailboxes, deny hosts": OTHER_NAMES | WILDCARDS,
}
ALLOWED_HERE = {"allow a mailbox": {"Alice@example.com"}}
"""Mailboxes are compared in any case."""

read_verdicts = functools.cache(corpus.read_verdicts)


def decide(question: corpus.Question) -> str:
    """Return our message, "" for a name that is allowed."""
    policy = msgspec.convert(corpus.POLICIES[question.policy], NamePolicy)
    subject = [common_name(question.common_name)] if question.common_name else []
    level = compile_policies(PolicyConfig(x509=policy))
    try:
        check_x509([level], names.parse_sans(question.names), subject)
    except PolicyError as error:
        return PREFIX + error.detail
    return ""


@pytest.mark.parametrize("policy", corpus.POLICIES)
def test_the_verdicts_and_texts_are_step_cas_but_for_the_differences_that_are_documented(
    policy: str,
) -> None:
    refused_here: set[str] = set()
    allowed_here: set[str] = set()
    for question in corpus.questions(policy):
        status, theirs = read_verdicts()[policy][question.key]
        ours = decide(question)
        if status == 201 or not ours or question.key in REFUSED_HERE.get(policy, ()):
            if ours != theirs:
                (refused_here if ours else allowed_here).add(question.key)
        elif status != 500:  # so step-ca answers a name it cannot compare; here it is a refusal
            assert ours.lower() == theirs.lower()  # names are canonical here, in lower case
    assert refused_here == REFUSED_HERE.get(policy, set())
    assert allowed_here == ALLOWED_HERE.get(policy, set())
