"""What every member's tests may use; see tests/fixtures."""

pytest_plugins = ("fixtures.needs", "fixtures.servers", "fixtures.pki")
