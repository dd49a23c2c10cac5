"""What every member's tests may use; see tests/fixtures."""

import importlib.util
import os

import pytest

if importlib.util.find_spec("hypothesis"):  # where a member's tests need it
    from hypothesis import settings

    # A slow machine is no defect: what a test says about time, it says by a bound of its own.
    settings.register_profile("newel", settings(), deadline=None)
    settings.load_profile("newel")

pytest_plugins = (
    "pytester",
    "fixtures.needs",
    "fixtures.network",
    "fixtures.second_tries",
    "fixtures.servers",
)


@pytest.hookimpl(optionalhook=True)  # where a member's tests run without xdist
def pytest_xdist_auto_num_workers() -> int:
    """Give three workers for two cores: a third of a run's time is spent waiting for programs."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return cores * 3 // 2
