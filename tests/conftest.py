"""Switches of the test run: `--all` runs the tests marked `slow` as well, and draws more examples."""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("runs")
settings.register_profile("all", max_examples=1000)


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the tests marked slow as well (about 20 min)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: needs minutes; runs with --all only")
    if config.getoption("--all"):
        settings.load_profile("all")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: runs with --all"))
