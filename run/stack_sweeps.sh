#!/usr/bin/env bash
# What a stack pumps against thickness, frequency and cone angle: three sweeps of run/yig_penetration.toml with
# ℓ = 0.5 nm ≪ λ_s, whose channel `exact` meets tanh(d/2λ_s), linear Ω and sin²θ in their limits; a few minutes. Draws stack_sweeps.png
# into the current folder. Points in thickness/, frequency/ and cone/ are kept.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh" plot
walkers=${WALKERS:-16384}

sweep() { # folder, axis and what goes with it
    local folder=$1
    shift
    "$venv/bin/mcpump" sweep "$root/run/yig_penetration.toml" --output "$folder" --walkers "$walkers" --quiet \
        --set electrons.mean_free_path="0.5 nm" --set 'results.channels=["second", "exact"]' \
        --set 'results.planes=["2 nm"]' "$@"
}

sweep thickness --vary sample.x.length="3 nm, 4 nm, 6 nm, 8 nm, 12 nm, 18 nm" --with sample.x.cells="12, 16, 24, 32, 48, 72"
sweep frequency --vary texture.frequency="0.001:10 THz:7:log"
sweep cone --vary texture.cone_angle="5 deg, 20 deg, 35 deg, 50 deg, 70 deg, 90 deg"
"$venv/bin/python" "$root/analysis/plot_stack.py" --thickness thickness/*.h5 --frequency frequency/*.h5 --cone cone/*.h5 \
    --output stack_sweeps.png
