"""What every member's tests may use; see tests/fixtures."""

pytest_plugins = (
    "pytester",
    "fixtures.needs",
    "fixtures.network",
    "fixtures.second_tries",
    "fixtures.servers",
)
