"""A deck made ready to walk: plain numbers in reduced units, and the way back.

`make_problem` turns a `Deck` into a `Problem`; `check_report` says what it means and costs. Reduced units: lengths in
ℓ, times in τ, v_F = ħ = 1.

============= ========================================================================================
scene         what is walked (`Scene`), and `Problem`
reduce        from a deck to a `Problem`; `reduce_scene` and `texture` its parts
effort        flights, memory and seconds that a run takes
regime        ℓ/λ, Jτ/ħ, …, and the warnings that follow
slowest_mode  how long spins stay in a sample without a sink
spin_hall     what an electric field drives
============= ========================================================================================
"""

from mcpump.problem.reduce import check_report, make_problem
from mcpump.problem.scene import Problem

__all__ = ["Problem", "check_report", "make_problem"]
