"""Names longer than any file's are refused in a sentence of some words."""

import pytest
from runs import JUNCTION, good, refused

LONG = "9" * 5000
COMMANDS = {
    "run": ("run", "deck.toml", "-o", LONG),
    "read": ("run", LONG),
    "resume": ("run", "--resume", LONG),
    "solve": ("solve", "deck.toml", "-o", LONG),
    "sweep": ("sweep", "deck.toml", "--vary", "run.seed=1,2", "-o", LONG),
    "show": ("show", LONG),
    "merge": ("merge", "deck.h5", "-o", f"{LONG}/there.h5"),
    "plot": ("plot", "profile", LONG),
    "figure": ("plot", "profile", "deck.h5", "-o", LONG),
    "compare": ("compare", "deck.h5", "-o", LONG),
    "export": ("export", "deck.h5", "--ovf", LONG),
    "example": ("example", LONG),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("names")
    (where / "deck.toml").write_text(JUNCTION)
    good("solve", where / "deck.toml", "-o", where / "deck.h5", "--quiet")
    return where


@pytest.mark.parametrize("name", COMMANDS)
def test_refused(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    words = refused(*COMMANDS[name])
    assert "99999…" in words
    assert len(words) < 600
