"""T04: a token for another place, another purpose or a mere prefix opens nothing."""

import pytest

from newel.step.audiences import Audiences, Method, fragment

CA = Audiences(["ca.internal", "::1", "127.0.0.1"])


@pytest.mark.parametrize(
    "audience",
    [
        "https://ca.internal/1.0/sign",
        "https://ca.internal/sign",
        "https://ca.internal:8443/1.0/sign",
        "https://CA.internal:443/1.0/sign",
        "https://[::1]:9000/sign",
        "https://127.0.0.1:443/1.0/sign",
        "step-certificate-authority",
    ],
)
def test_every_name_with_or_without_a_port(audience: str) -> None:
    assert CA.accepts(Method.SIGN, [audience])
    assert CA.accepts(Method.SIGN, ["https://other", audience])


@pytest.mark.attack("T04")
@pytest.mark.parametrize(
    "audience",
    [
        "",
        "https://ca.internal",
        "https://ca.internal/1.0/signx",
        "https://ca.internal/1.0/sign/",
        "https://ca.internal/1.0/sign?x",
        "https://ca.internal/1.0/sign#x5c/other",
        "https://ca.internal.evil/1.0/sign",
        "https://evil@ca.internal/1.0/sign",
        "https://ca.internal:x/1.0/sign",
        "http://ca.internal/1.0/sign",
        "https://ca.internal/1.0/revoke",
        "https://ca.internal/1.0/ssh/sign",
        "https://other/1.0/sign",
        "step-certificate-authority#x5c/other",
        "https://[::1/sign",
    ],
)
def test_wrong_audiences(audience: str) -> None:
    assert not CA.accepts(Method.SIGN, [audience])
    assert not CA.accepts(Method.SIGN, [audience, audience])


def test_a_fragment_names_the_provisioner() -> None:
    audience = ["https://ca.internal/1.0/sign#x5c/fleet"]
    assert fragment(audience) == "x5c/fleet"
    assert CA.accepts(Method.SIGN, audience, "x5c/fleet")
    assert not CA.accepts(Method.SIGN, audience, "x5c/other")
    assert not CA.accepts(Method.SIGN, ["https://ca.internal/1.0/sign"], "x5c/fleet")


@pytest.mark.attack("T04")
@pytest.mark.parametrize("made_for", Method)
@pytest.mark.parametrize("used_for", Method)
def test_a_path_opens_no_other_purpose(made_for: Method, used_for: Method) -> None:
    """One exception: an SSH certificate may be asked for with the audience of ``/sign``, as step does."""
    for path in made_for.value:
        own = path in used_for.value
        assert CA.accepts(used_for, [f"https://ca.internal{path}"]) == own
    both = {made_for, used_for}
    if made_for is not used_for and both != {Method.SIGN, Method.SSH_SIGN}:
        assert set(made_for.value).isdisjoint(used_for.value)


@pytest.mark.attack("T04")
def test_the_audience_without_a_purpose_is_good_for_signing_alone() -> None:
    taken = {method for method in Method if CA.accepts(method, ["step-certificate-authority"])}
    assert taken == {Method.SIGN}
