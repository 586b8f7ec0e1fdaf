#!/usr/bin/env bash
# Share of mcpump's lines that the tests run, in child processes and ranks too; fails below the limit in setup.cfg. The
# kernels' lines are those that tests let the interpreter walk. Left out are tests that run the same lines with more
# walkers, or again and again. Other arguments are handed to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../run/environment.sh" test
cd "$root"
again=(physics benchmarks mpi/test_mpi_resume.py test_benchmarks.py cli/test_fuzz.py simulate/test_kill.py simulate/test_resume.py test_scripts.py)
"$venv/bin/coverage" erase
"$venv/bin/coverage" run -m pytest -n auto --maxprocesses 4 --dist loadfile "${again[@]/#/--ignore=tests/}" "$@"
"$venv/bin/coverage" combine --quiet
"$venv/bin/coverage" report
