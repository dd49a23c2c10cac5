"""Claims: what is not set is inherited, and bounds are kept in order."""

import datetime as dt

import pytest

from newel.registration.provisioners.limits import Limits
from newel.step.provisioners import Claims

HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)


def test_nothing_set_inherits_everything() -> None:
    assert Limits().inherit(None) == Limits()
    assert Limits().inherit(Claims()) == Limits()


def test_a_provisioner_overrides_the_authority_in_both_directions() -> None:
    authority = Limits().inherit(Claims(disable_renewal=True, max_tls="48h"))
    assert not authority.allow_renewal
    assert authority.max_duration == 48 * HOUR
    own = authority.inherit(Claims(disable_renewal=False, allow_renewal_after_expiry=True))
    assert own.allow_renewal
    assert own.allow_renewal_after_expiry
    assert own.max_duration == 48 * HOUR
    assert not own.inherit(Claims(disable_smallstep_extensions=True)).include_extension


def test_a_default_outside_inherited_bounds_moves_the_bound() -> None:
    assert Limits().inherit(Claims(default_tls="48h")).max_duration == 48 * HOUR
    assert Limits().inherit(Claims(default_tls="1m")).min_duration == MINUTE


def test_an_inherited_default_gives_way_to_own_bounds() -> None:
    assert Limits().inherit(Claims(max_tls="8h")).default_duration == 8 * HOUR
    assert Limits().inherit(Claims(min_tls="25h", max_tls="30h")).default_duration == 25 * HOUR


def test_the_validity_of_ssh_certificates_is_bounded_as_by_step_ca() -> None:
    assert (Limits().ssh_user.max_duration, Limits().ssh_user.default_duration) == (
        24 * HOUR,
        16 * HOUR,
    )
    assert Limits().ssh_host.max_duration == Limits().ssh_host.default_duration == 720 * HOUR


def test_a_default_of_ssh_certificates_moves_the_bound_too() -> None:
    own = Limits().inherit(Claims(default_user_ssh="48h", default_host_ssh="1m"))
    assert own.ssh_user.max_duration == own.ssh_user.default_duration == 48 * HOUR
    assert own.ssh_host.min_duration == own.ssh_host.default_duration == MINUTE


def test_an_inherited_default_of_ssh_certificates_gives_way_to_own_bounds() -> None:
    assert Limits().inherit(Claims(max_host_ssh="8h")).ssh_host.default_duration == 8 * HOUR


@pytest.mark.parametrize(
    "claims",
    [
        Claims(min_tls="2h", max_tls="1h"),
        Claims(default_tls="9h", max_tls="8h"),
        Claims(min_tls="-1h"),
        Claims(default_tls="tomorrow"),
        Claims(default_user_ssh="9h", max_user_ssh="8h"),
        Claims(min_host_ssh="0s"),
    ],
)
def test_bounds_out_of_order_are_refused(claims: Claims) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - durations word some of them
        Limits().inherit(claims)
