#!/usr/bin/env bash
# The crossover from diffusive to local, Fig. 3 of the paper as one curve: walks run/crossover.toml at a number of
# values of qℓ (arguments; by default 13 from 0.01 to 100, a minute or two) and draws crossover.png into the current
# folder. Walkers whose walks are long, ~ (qℓ)⁻², are fewer. Points that have been walked before are kept.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh" plot
[ $# -gt 0 ] || set -- 0.01 0.0215 0.0464 0.1 0.215 0.464 1 2.15 4.64 10 21.5 46.4 100

files=()
for q_ell in "$@"; do
    file=crossover-$q_ell.h5
    files+=("$file")
    [ -e "$file" ] && continue
    read -r wavelength walkers block < <(awk -v q="$q_ell" 'BEGIN {
        walkers = 6.5536e6 * q * q; walkers = walkers < 4096 ? 4096 : walkers > 400000 ? 400000 : walkers
        printf "%.17g %d %d\n", 8 * atan2(1, 1) / q, walkers, walkers < 65536 ? 256 : 4096 }')
    "$venv/bin/mcpump" run "$root/run/crossover.toml" --output "$file" --walkers "$walkers" \
        --set sample.x.length="$wavelength" --set texture.wavelength="$wavelength" \
        --set run.walkers_per_block="$block" > /dev/null
done
"$venv/bin/python" "$root/analysis/plot_crossover.py" "${files[@]}" --output crossover.png
