#!/usr/bin/env bash
# The main job, from nothing: makes .venv, installs mcpump, walks run/junction.toml on all cores, prints the table
# and writes junction.h5 and junction.png into the current folder (replacing those of an earlier quickstart).
# Arguments are handed to `mcpump run`, e.g. --walkers 10000000.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh" plot

"$venv/bin/mcpump" run "$root/run/junction.toml" --output junction.h5 --overwrite "$@"
"$venv/bin/python" "$root/analysis/plot_profile.py" junction.h5 --output junction.png
