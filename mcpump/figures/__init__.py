"""Figures of results (the only matplotlib).

============= ========================================================================================
profiles      along x, of one run; the crossover from diffusive to local over several
maps, times   on two-dimensional meshes; in time
charge        charge current and conversion; skew that of skew scattering
potential     spin potential
mixing        mixing conductance over several runs
stack         against thickness, frequency, cone angle
convergence   errors against walkers
comparison    a run beside the solution without walkers
papers        sweeps beside experiments
style         sizes, colours, axes
============= ========================================================================================
"""

from mcpump.figures.charge import charge_figure, conversion_points
from mcpump.figures.comparison import comparison_figure
from mcpump.figures.convergence import convergence_figure, convergence_points
from mcpump.figures.maps import map_figure
from mcpump.figures.mixing import mixing_figure, mixing_points, mixing_table
from mcpump.figures.papers import papers_figure
from mcpump.figures.potential import potential_figure, potential_gradient
from mcpump.figures.profiles import crossover, profile
from mcpump.figures.stack import cone_point, frequency_point, stack_figure, thickness_point
from mcpump.figures.style import only, styled
from mcpump.figures.times import time_figure

__all__ = [
    "charge_figure",
    "comparison_figure",
    "cone_point",
    "convergence_figure",
    "convergence_points",
    "conversion_points",
    "crossover",
    "frequency_point",
    "map_figure",
    "mixing_figure",
    "mixing_points",
    "mixing_table",
    "only",
    "papers_figure",
    "potential_figure",
    "potential_gradient",
    "profile",
    "stack_figure",
    "styled",
    "thickness_point",
    "time_figure",
]
