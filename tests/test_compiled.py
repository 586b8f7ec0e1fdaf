"""The cache of compiled kernels: one folder per version of the sources, found again, renewed by a change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mcpump

PACKAGE = Path(mcpump.__file__).parent
CODE = """
from mcpump.compiled import cache_folder
from mcpump.geometry import fold
folded = fold(1.5, 1.0, False)[0]
print(cache_folder().name, folded, sum(fold.stats.cache_hits.values()))
"""


def child(folder):
    """Compile one kernel of a copy of the package in a child process: (cache key, result, cache hits)."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "MCPUMP_CACHE_DIR": str(folder / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_changed_source_is_noticed(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "mcpump", ignore=shutil.ignore_patterns("__pycache__"))
    first, again = child(tmp_path), child(tmp_path)
    assert first == [first[0], "0.5", "0"]
    assert again == [first[0], "0.5", "1"]
    source = tmp_path / "mcpump" / "geometry.py"
    text = source.read_text(encoding="utf-8")
    assert "max(2.0 * L - y, 0.0)" in text
    source.write_text(text.replace("max(2.0 * L - y, 0.0)", "max(1.75 * L - y, 0.0)"), encoding="utf-8")
    changed = child(tmp_path)
    assert changed[0] != first[0]
    assert changed[1:] == ["0.25", "0"]


def test_another_file_changed_is_noticed(tmp_path):
    # numba's own cache looks at the function's file alone
    shutil.copytree(PACKAGE, tmp_path / "mcpump", ignore=shutil.ignore_patterns("__pycache__"))
    first = child(tmp_path)
    with (tmp_path / "mcpump" / "spin.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert child(tmp_path)[0] != first[0]
