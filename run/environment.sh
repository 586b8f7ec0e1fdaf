# Sourced by the scripts: makes .venv in the repository's root and installs mcpump there with the extra named in $1,
# from PyPI alone. Does nothing when that has been done before for the setup.cfg of today.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=${PYTHON:-python3}

installed() { cat "$root/setup.cfg" "$root/pyproject.toml" | cmp -s - "$venv/.mcpump-$1"; }

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "mcpump needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Name another: PYTHON=python3.12 bash $0" >&2
    exit 2
fi
# the test extra holds all others
if ! installed "$1" && ! installed test; then
    echo "installing mcpump[$1] and what it needs into .venv (once)" >&2
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || exit 1
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root[$1]" || exit 1
    cat "$root/setup.cfg" "$root/pyproject.toml" > "$venv/.mcpump-$1"
fi
