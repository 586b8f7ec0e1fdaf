#!/usr/bin/env bash
# Every test, in an environment made for the purpose, a process for each core (at most four; a file's tests stay in one); the slowest ten are
# told at the end.
# With --all those marked slow too, and then the coverage. Other arguments are handed to pytest, e.g. -k budget, -n 0.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../run/environment.sh" test
cd "$root"
"$venv/bin/python" -m pytest -n auto --maxprocesses 4 --dist loadfile --durations 10 "$@"
case " $* " in *" --all "*) bash tests/coverage.sh ;; esac
