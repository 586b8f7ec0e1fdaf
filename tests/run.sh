#!/usr/bin/env bash
# Every test, in an environment made for the purpose, a process for each core (at most four; a file's tests stay in one); the slowest ten are
# told at the end. Arguments are handed to pytest, e.g. -k budget, -n 0, --all (those marked slow, too).
# `--all` alone also counts which lines of mcpump the tests run, in child processes and ranks too, and fails below the limit in setup.cfg. The
# kernels' lines are those that tests let the interpreter walk. Tests that run the same lines with more walkers, again and again, or against a
# clock come first and are not counted.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../run/environment.sh" test
cd "$root"
tests=(-m pytest -n auto --maxprocesses 4 --dist loadfile --durations 10)
if [ "$*" != --all ]; then
    exec "$venv/bin/python" "${tests[@]}" "$@"
fi
uncounted=(cli/test_fuzz.py mpi/test_mpi_resume.py physics simulate/test_kill.py simulate/test_resume.py slurm
    test_benchmarks.py test_scripts.py)
"$venv/bin/python" "${tests[@]}" --all "${uncounted[@]/#/tests/}"
"$venv/bin/coverage" erase
"$venv/bin/coverage" run "${tests[@]}" --all "${uncounted[@]/#/--ignore=tests/}"
"$venv/bin/coverage" combine --quiet
"$venv/bin/coverage" report
