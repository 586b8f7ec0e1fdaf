"""Jobs under mpirun for the tests: the command line, a job's processes, and that none of them is left over."""

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
NO_MPIRUN = "no mpirun: install mcpump[mpich]"


def ranks(n, program=("-m", "mcpump")):
    """The command line on a number of ranks, or of one process without mpirun for 0."""
    return [*([MPIRUN, "-n", str(n)] if n else []), sys.executable, *program]


def family(pid):
    """Processes below one, itself first."""
    found, parents = [pid], {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found


def ranks_of(pid):
    """The ranks below mpirun, by their command; the process itself without mpirun."""
    found = []
    for one in family(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")[0] == sys.executable.encode():
                found.append(one)
    return sorted(found)


def gone(pids, seconds=20.0):
    """Wait until none of some processes is alive."""
    until = time.monotonic() + seconds
    while left := [pid for pid in pids if _alive(pid)]:
        assert time.monotonic() < until, f"processes are left over: {left}"
        time.sleep(0.02)


def nobody_in(folder, seconds=20.0):
    """Wait until no process has a folder as its own."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink() == folder.resolve() and int(link.parent.name) != os.getpid():
                found.append(int(link.parent.name))
    gone(found, seconds)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def said(text):
    """What the program said, without what MPICH's mpirun adds to its standard output on Ctrl-C."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("[mpiexec@"))
