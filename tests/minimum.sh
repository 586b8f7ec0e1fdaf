#!/usr/bin/env bash
# Whether the lower bounds in setup.cfg are true: installs mcpump with exactly the lowest versions of what it needs, and of the extras `plot`
# and `mpi`, into a folder of its own (an argument names it, to keep it), and runs some tests there. Python 3.11 and 3.12 have wheels of all of them:
# PYTHON=python3.11 bash tests/minimum.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
folder=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$folder"' EXIT

lowest() {
    "$python" - "$root/setup.cfg" <<'PY'
import configparser
import sys

setup = configparser.ConfigParser()
setup.read(sys.argv[1], encoding="utf-8")
lines = [setup["options"]["install_requires"], *(setup["options.extras_require"][name] for name in ("plot", "mpi"))]
for line in "\n".join(lines).splitlines():
    if line.strip():
        print(line.strip().replace(">=", "=="))
PY
}

"$python" -m venv "$folder"
lowest > "$folder/lowest.txt"
pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check)
# wheels, not compilers
"${pip[@]}" --only-binary numpy,numba,scipy,h5py,mpi4py,pandas,matplotlib --constraint "$folder/lowest.txt" "$root[plot,mpi]" "pytest>=8" "hypothesis>=6" "jsonschema>=4.18"
"$folder/bin/python" -m pip check
"$folder/bin/python" -m pip freeze | grep -i -E "^($(cut -d= -f1 "$folder/lowest.txt" | paste -sd '|' -))=="
cd "$root/tests"
# what is installed, not the checkout
"$folder/bin/python" -P -m pytest -p no:cacheprovider --quiet -c /dev/null --rootdir . -o markers="slow: needs minutes" --durations 3 \
    deck/test_deck.py deck/test_units.py deck/test_schema.py theory/test_slab.py tally/test_exact.py tally/test_estimates.py \
    results/test_results.py results/test_coordinates.py figures/test_figures.py cli/test_completion.py test_loaded.py \
    --deselect test_loaded.py::test_a_user_texture_is_found_again
