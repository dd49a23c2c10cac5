"""The bounds of names: every reading of a name that a verifier may have is checked."""

import pytest

from newel.crypto import distinguished_names, names
from newel.runtime.errors import NewelError
from newel.signer.name_rules import NO_BOUNDS, NameBounds, name_bounds

EXCLUSIONS = name_bounds([], ["dns:evil.com", "uri:evil.com", "ip:10.0.0.0/8", "ip:::ffff:0:0/96"])


def check_names(bounds: NameBounds, *texts: str) -> None:
    bounds.check_alternative_names(names.encode([names.parse_san(text) for text in texts]))


def check_common_name(bounds: NameBounds, text: str) -> None:
    subject = distinguished_names.encode([distinguished_names.common_name(text)])
    bounds.check_subject(subject)


@pytest.mark.parametrize(
    "text",
    [
        "evil.com",
        "a.evil.com",
        "*.evil.com",
        "*.com",
        "https://evil.com/",
        "https:///evil.com",
        "https:/evil.com",
        "https:evil.com",
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "::10.1.2.3",
        "::ffff:0:10.1.2.3",
        "64:ff9b::10.1.2.3",
        "64:ff9b:1::10.1.2.3",
        "2002:a01:203::1",
        "2001:0:a01:203:0:0:3f57:fefb",
        "2001:0:808:808:0:0:f5fe:fdfc",
        "192.0.2.1",
    ],
)
@pytest.mark.attack("X02")
def test_an_excluded_name_is_refused_in_every_form(text: str) -> None:
    with pytest.raises(NewelError) as caught:
        check_names(EXCLUSIONS, text)
    assert "excluded" in caught.value.cause


@pytest.mark.parametrize("text", ["evil.com", "evil.com:443", "EVIL.com:443/x", "evil.com."])
@pytest.mark.attack("X02")
def test_a_host_with_a_port_in_the_common_name_is_a_host(text: str) -> None:
    with pytest.raises(NewelError):
        check_common_name(EXCLUSIONS, text)


@pytest.mark.parametrize(
    "text", ["good.com", "https://good.com/", "a@evil.com", "2001:db8::1", "2002:c000:201::1"]
)
def test_other_names_pass(text: str) -> None:
    check_names(name_bounds([], ["dns:evil.com", "uri:evil.com", "ip:10.0.0.0/8"]), text)


def test_uris_without_a_host_pass_where_no_rule_is_about_uris() -> None:
    bounds = name_bounds([], ["dns:evil.com"])
    check_names(bounds, "urn:example:1")
    check_common_name(bounds, "urn:example:1")
    check_common_name(bounds, "good.com:443")


def test_permitted_names_do_not_include_what_only_resembles_them() -> None:
    bounds = name_bounds(["ip:10.0.0.0/8", "uri:good.com", "dns:good.com"], [])
    check_names(bounds, "10.1.2.3", "https://a.good.com/x", "*.good.com")
    for text in ("64:ff9b::10.1.2.3", "https:///good.com", "urn:good.com", "*.com"):
        with pytest.raises(NewelError):
            check_names(bounds, text)


def test_without_bounds_names_are_read_only() -> None:
    check_names(NO_BOUNDS, "evil.com", "https:///evil.com")
    with pytest.raises(ValueError, match="no names"):
        check_names(NO_BOUNDS)


@pytest.mark.parametrize("rule", ["evil.com", "dir:evil", "ip:10.0.0.1/8", "dns:*.evil.com"])
def test_rules_that_mean_nothing_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        name_bounds([], [rule])


def test_a_device_s_identifier_is_signed_where_nothing_is_permitted_by_name() -> None:
    value = names.encode([names.permanent_identifier("4711")])
    name_bounds([], ["dns:a.test", "uri:a.test"]).check_alternative_names(value)
    with pytest.raises(NewelError):
        name_bounds(["dns:a.test"], []).check_alternative_names(value)
