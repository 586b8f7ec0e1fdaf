"""The scripts in analysis/, run as their users run them."""

import os
import subprocess
import sys
from pathlib import Path

ANALYSIS = Path(__file__).parents[1] / "analysis"


def script(name, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    root = str(ANALYSIS.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    command = [sys.executable, str(ANALYSIS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)
