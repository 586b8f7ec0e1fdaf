# Sourced by quickstart.sh and tests/run.sh: makes .venv in the repository's root and installs mcpump there with
# the extra named in $1, from PyPI alone. Does nothing when that has been done for this setup.cfg before.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=${PYTHON:-python3}
stamp=$venv/.mcpump-$1

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "mcpump needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Name another: PYTHON=python3.12 bash $0" >&2
    exit 2
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || exit 1
if ! cat "$root/setup.cfg" "$root/pyproject.toml" | cmp -s - "$stamp"; then
    echo "installing mcpump[$1] and what it needs into .venv (once)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root[$1]" || exit 1
    cat "$root/setup.cfg" "$root/pyproject.toml" > "$stamp"
fi
