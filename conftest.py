"""Loads the fixtures that the tests of all services share; see tests/harness/plugin.py."""

# Tests with an environment of their own: make helm-check.
collect_ignore = ["helm/check"]

pytest_plugins = ["harness.plugin"]
