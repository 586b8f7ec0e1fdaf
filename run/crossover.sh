#!/usr/bin/env bash
# The crossover from diffusive to local, Fig. 3 of the paper as one curve: sweeps run/crossover.toml over a number of
# values of qℓ (arguments; by default 13 from 0.01 to 100, a minute or two) and draws crossover.png into the current
# folder. Walkers whose walks are long, ~ (qℓ)⁻², are fewer. Points in crossover/ are kept, crossover.h5 collects them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh" plot
[ $# -gt 0 ] || set -- 0.01 0.0215 0.0464 0.1 0.215 0.464 1 2.15 4.64 10 21.5 46.4 100

lengths='' walkers='' blocks=''
for q_ell in "$@"; do
    read -r length number block < <(awk -v q="$q_ell" 'BEGIN {
        walkers = 6.5536e6 * q * q; walkers = walkers < 4096 ? 4096 : walkers > 400000 ? 400000 : walkers
        printf "%.7g %d %d\n", 8 * atan2(1, 1) / q, walkers, walkers < 65536 ? 256 : 4096 }')
    lengths+=,$length walkers+=,$number blocks+=,$block
done
"$venv/bin/mcpump" sweep "$root/run/crossover.toml" --output crossover \
    --vary texture.wavelength="${lengths#,}" --with sample.x.length="${lengths#,}" \
    --with run.walkers="${walkers#,}" --with run.walkers_per_block="${blocks#,}" > /dev/null
"$venv/bin/python" "$root/analysis/plot_crossover.py" crossover/*.h5 --output crossover.png
