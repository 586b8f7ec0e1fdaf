#!/usr/bin/env bash
# The main job, from nothing: makes .venv, installs mcpump, walks run/junction.toml on all cores, prints the table
# and writes junction.h5 and junction.png into the current folder (replacing those of an earlier quickstart). The
# walk runs under mpirun where an MPI library can be had from PyPI, with threads otherwise: with the same result.
# Arguments are handed to `mcpump run`, e.g. --walkers 10000000.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh" plot

if [ ! -x "$venv/bin/mpirun" ] && [ ! -e "$venv/.mcpump-no-mpi" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check mpi4py mpich 2> /dev/null || touch "$venv/.mcpump-no-mpi"
fi
cores=$("$venv/bin/python" -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())')
launch=()
if [ -x "$venv/bin/mpirun" ]; then
    launch=("$venv/bin/mpirun" -n "$cores")
    # mpirun's pipes hide the terminal from the ranks
    if [ -t 2 ]; then COLUMNS=$(tput cols 2> /dev/null || echo 100); export COLUMNS; set -- --progress bar "$@"; fi
fi
"${launch[@]}" "$venv/bin/mcpump" run "$root/run/junction.toml" --output junction.h5 --overwrite "$@"
"$venv/bin/python" "$root/analysis/plot_profile.py" junction.h5 --output junction.png
