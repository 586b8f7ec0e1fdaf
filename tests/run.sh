#!/usr/bin/env bash
# Every test, in an environment made for the purpose; with --all those marked slow too. Other arguments are handed to
# pytest, e.g. -k budget.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../run/environment.sh" test
cd "$root"
"$venv/bin/python" -m pytest "$@"
