"""Switches of the test run: `--all` runs the tests marked `slow` as well, and draws more examples.

With `-n` the walks are compiled before the first test, so that the processes do not compile them side by side.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# child processes of the tests find the helpers beside this file
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH")))
)
pytest.register_assert_rewrite("runs", "decks", "conventions")
settings.register_profile("few", deadline=None)  # a busy machine is no failure
settings.register_profile("all", deadline=None, max_examples=1000)


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the tests marked slow as well (about 20 min)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: needs minutes; runs with --all only")
    settings.load_profile("all" if config.getoption("--all") else "few")


def pytest_sessionstart(session):
    if getattr(session.config.option, "numprocesses", None):
        compile_walks()


def compile_walks():
    """Put the kernels into the cache: in lanes with what is known along x and on meshes, and the general walk."""
    from runs import child, finish, furnish

    with tempfile.TemporaryDirectory() as name:
        folder = furnish(Path(name))
        walks = [
            child("run", f"{deck}.toml", "--quiet", folder=folder)
            for deck in ("junction", "planar", "transient")
        ]
        for walk in walks:
            finish(walk, timeout=600)


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: runs with --all"))
