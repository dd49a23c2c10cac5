"""Profiles: how long, for whom, and with what from the caller."""

import datetime as dt
from typing import Any

import pytest

from newel.crypto import distinguished_names, extensions, names
from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.crypto.profile import CommonName, Profile, ProfileError

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 500_000, tzinfo=dt.UTC)
SECOND, MINUTE, HOUR, DAY = (dt.timedelta(seconds=n) for n in (1, 60, 3600, 86400))
WHOLE = NOW.replace(microsecond=0)
FAR = NOW + 3650 * DAY
PROFILE = Profile(max_duration=90 * DAY, min_duration=5 * MINUTE)


def window(profile: Profile = PROFILE, **wanted: Any) -> tuple[dt.datetime, dt.datetime]:
    arguments: dict[str, Any] = {"issuer_not_after": FAR, **wanted}
    return profile.validity(NOW, **arguments)


def test_the_default_counts_both_ends_and_leaves_out_the_backdate() -> None:
    assert window() == (WHOLE - MINUTE, WHOLE + 24 * HOUR - SECOND)


def test_what_is_asked_for_is_given() -> None:
    start, end = WHOLE + HOUR, WHOLE + 2 * DAY
    assert window(not_before=start, not_after=end) == (start, end)
    assert window(not_after=end) == (WHOLE - MINUTE, end)
    assert window(not_before=start) == (start, start + DAY - SECOND)


def test_exactly_the_maximum_loses_its_last_second() -> None:
    assert window(not_after=WHOLE + 90 * DAY)[1] == WHOLE + 90 * DAY - SECOND
    with pytest.raises(ProfileError, match="longer"):
        window(not_after=WHOLE + 90 * DAY + SECOND)


def test_the_default_is_cut_at_the_issuers_end_and_a_wish_is_not() -> None:
    soon = WHOLE + HOUR
    assert window(issuer_not_after=soon)[1] == soon
    with pytest.raises(ProfileError, match="outlive"):
        window(issuer_not_after=soon, not_after=soon + SECOND)


@pytest.mark.attack("X03")
def test_an_expired_issuer_gives_nothing() -> None:
    with pytest.raises(ProfileError):
        window(issuer_not_after=WHOLE - DAY)


@pytest.mark.attack("T16")
def test_a_callers_tighter_limit_holds() -> None:
    assert window(max_duration=HOUR)[1] == WHOLE + HOUR - SECOND
    with pytest.raises(ProfileError, match="longer"):
        window(max_duration=HOUR, not_after=WHOLE + 2 * HOUR)
    end = WHOLE + 89 * DAY
    assert window(max_duration=400 * DAY, not_after=end)[1] == end
    with pytest.raises(ProfileError, match="longer"):
        window(max_duration=400 * DAY, not_after=WHOLE + 91 * DAY)


@pytest.mark.parametrize(
    "wanted",
    [
        {"not_after": WHOLE + MINUTE},
        {"not_after": WHOLE - DAY},
        {"not_before": WHOLE - 2 * DAY, "not_after": WHOLE - DAY},
        {"not_before": WHOLE + 91 * DAY, "not_after": WHOLE + 92 * DAY},
        {"not_before": WHOLE + DAY, "not_after": WHOLE},
    ],
)
def test_other_wishes_are_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(ProfileError):
        window(**wanted)


@pytest.mark.parametrize(
    "settings",
    [
        {"min_duration": 2 * DAY},
        {"max_duration": HOUR},
        {"backdate": -MINUTE},
        {"allowed_extensions": frozenset({extensions.BASIC_CONSTRAINTS})},
        {"allowed_extensions": frozenset({extensions.SUBJECT_ALT_NAME})},
        {"extended_key_usage": (extensions.ANY_EXTENDED_KEY_USAGE,)},
    ],
)
@pytest.mark.attack("T09")
def test_profiles_that_would_do_harm_cannot_be_made(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"validity|backdate|extension|usage"):
        Profile(**settings)


LONG, SHORT = names.dns_name(f"{'x' * 60}.test"), names.dns_name("short.test")
CN, ORG = distinguished_names.common_name("given"), Attribute("2.5.4.10", "Org")


def test_the_common_name_follows_the_profile() -> None:
    rules = (CommonName.KEEP, CommonName.DROP, CommonName.FIRST_NAME)
    keep, drop, first = (Profile(common_name=rule) for rule in rules)
    assert keep.subject([ORG, CN], [SHORT]) == (ORG, CN)
    assert drop.subject([ORG, CN], [SHORT]) == (ORG,)
    assert first.subject([ORG, CN], [SHORT]) == (ORG, CN)
    hoisted = distinguished_names.common_name("short.test")
    assert first.subject([ORG], [LONG, SHORT]) == (hoisted, ORG)
    assert first.subject([ORG], [LONG]) == (ORG,)
    assert first.subject([], []) == ()


def test_must_staple_is_given_octet_for_octet_where_there_is_a_responder() -> None:
    staple = extensions.MUST_STAPLE
    Profile(must_staple=True).check_extensions([staple])
    changed = (
        Extension(staple.oid, True, staple.value),
        Extension(staple.oid, False, bytes.fromhex("3003020111")),
        Extension(staple.oid, False, staple.value + b"\x05\x00"),
    )
    for wanted in ([staple, staple], *([each] for each in changed)):
        with pytest.raises(ProfileError):
            Profile(must_staple=True).check_extensions(wanted)
    with pytest.raises(ProfileError):
        Profile().check_extensions([staple])


@pytest.mark.attack("T09")
def test_callers_give_only_extensions_that_the_profile_allows() -> None:
    allowed, other = (Extension(oid, False, b"\x05\x00") for oid in ("1.2.3", "1.2.4"))
    profile = Profile(allowed_extensions=frozenset({"1.2.3"}))
    profile.check_extensions([allowed])
    profile.check_extensions([])
    for wanted in ([other], [allowed, allowed]):
        with pytest.raises(ProfileError):
            profile.check_extensions(wanted)
