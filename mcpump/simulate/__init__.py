"""From a problem to a result: blocks dealt to threads and ranks, stop rule, saves, going on.

`run` walks a `Problem` and returns a `Result`.

============= ========================================================================================
engine        `run`: stop rule, saves on the way, the result
crew          who walks which block
ranks         MPI processes, or this one alone (the only mpi4py)
checkpoint    going on with a file, parts, merging
sweep         the points of a sweep
signals       reasons to stop
progress      bar or log lines (the only tqdm)
============= ========================================================================================
"""

from importlib import import_module
from typing import Any

_DOOR = ("Progress", "compile_kernels", "cores", "is_compiled", "result_of", "run", "to_walk")
__all__ = list(_DOOR)


def __getattr__(name: str) -> Any:
    # numba takes half a second: signals and progress do without it
    if name in _DOOR:
        return getattr(import_module("mcpump.simulate.engine"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
