"""What every member's tests may use; see tests/fixtures."""

import importlib.util

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
