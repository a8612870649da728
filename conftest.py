"""Loads the fixtures that the tests of all services share; see tests/harness/plugin.py."""

pytest_plugins = ["harness.plugin"]
