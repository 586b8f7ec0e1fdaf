#!/usr/bin/env bash
# Does the spin potential drive the diffusive current, Eq. (14) of the paper? Walks run/crossover.toml at three values of
# qℓ (arguments; by default 0.1, 1 and 5, a minute) and draws −∇μ_s over the diffusive current, spin_potential.png, into
# the current folder. Expect the factor (qℓ)²/3 / (1 − arctan(qℓ)/(qℓ)) between them, printed beside the walked one: 1 for
# qℓ ≪ 1. WALKERS in the environment is the number of walkers of each run. Runs that are there already are kept.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh" plot
[ $# -gt 0 ] || set -- 0.1 1 5

files=()
for q_ell in "$@"; do
    file=spin_potential-$q_ell.h5
    files+=("$file")
    awk -v q="$q_ell" 'BEGIN { printf "qℓ %-8g exact %.4f\n", q, q * q / 3 / (1 - atan2(q, 1) / q) }'
    [ -e "$file" ] && continue
    read -r wavelength walkers < <(awk -v q="$q_ell" 'BEGIN { printf "%.17g %d\n", 8 * atan2(1, 1) / q, q < 0.3 ? 65536 : q < 3 ? 2e6 : 4e6 }')
    "$venv/bin/mcpump" run "$root/run/crossover.toml" --output "$file" --walkers "${WALKERS:-$walkers}" \
        --set sample.x.length="$wavelength" --set texture.wavelength="$wavelength" --set sample.x.cells=30 > /dev/null
done
"$venv/bin/python" "$root/analysis/plot_spin_potential.py" "${files[@]}" --output spin_potential.png
