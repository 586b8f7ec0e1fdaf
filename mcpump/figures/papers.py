"""Sweeps of decks beside the experiments that they are made after, a panel each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mcpump.figures.style import DOUBLE, MM, draw_points, drawing, few_ticks, line_colour, new_figure
from mcpump.report.papers import (
    PERMALLOY,
    Points,
    charge_points,
    damping_points,
    paper_of,
    relaxation_points,
)
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def papers_figure(sweeps: Sequence[Sequence[Result]]) -> Figure:
    """Draw sweeps on what was published: lengths, a power law with its error, the damping without a sink.

    Parameters
    ----------
    sweeps : sequence of sequence of Result
        Points of each sweep, as `mcpump.report.papers.papers_table` takes them.
    """
    papers = [paper_of(runs) for runs in sweeps]
    with drawing():
        figure, axes = new_figure(DOUBLE * max(len(sweeps), 2) / 3.0, 60 * MM, 1, len(sweeps), squeeze=False)
        for axis, runs, paper in zip(axes[0], sweeps, papers, strict=True):
            axis.set_label(paper.swept)
            _DRAWN[paper.swept](axis, runs, paper.swept)
            axis.set_title(paper.title.split(",")[0], loc="left")
    return figure


def _lengths(axis: Axes, runs: Sequence[Result], key: str) -> None:
    """Damping and charge current, over those of the thickest platinum, and the two published lengths."""
    taken: list[tuple[Points, str, float]] = [
        (damping_points(runs, key), "damping", 1.7), (charge_points(runs, key), "ISH current", 10.0)
    ]  # fmt: skip
    for number, (points, name, length) in enumerate(taken):
        shade, marker = line_colour(number), "os"[number]
        share, error = points.y / points.y[-1], points.error / points.y[-1]
        draw_points(axis, points.x, share, error, f"{marker}-", color=shade, label=name)
        axis.axvline(length, color=shade, linewidth=0.8, linestyle=":")
    axis.legend(loc="upper left", bbox_to_anchor=(0.0, 0.62), handlelength=1.2)
    axis.set_xscale("log")
    few_ticks(axis.xaxis)
    axis.set_ylim(0.0, 1.15)
    axis.set_xlabel("thickness of Pt [nm]")
    axis.set_ylabel("over that of the thickest Pt")


def _power(axis: Axes, runs: Sequence[Result], key: str) -> None:
    """Additional relaxation rate, on the published power law."""
    points = relaxation_points(runs, key)
    x = np.geomspace(points.x[0], points.x[-1], 50)
    law = x**-1.04
    axis.fill_between(x, 184.0 * law, 264.0 * law, color="0.85", linewidth=0)
    axis.plot(x, 224.0 * law, color="0.4", label="published, K ± 40 MHz nm")
    draw_points(axis, points.x, points.y, points.error, "o", color=line_colour(0), label="mcpump")
    axis.set_xscale("log")
    axis.set_yscale("log")
    few_ticks(axis.xaxis)
    axis.legend()
    axis.set_xlabel("thickness of the magnet [nm]")
    axis.set_ylabel("additional relaxation rate [MHz]")


def _copper(axis: Axes, runs: Sequence[Result], key: str) -> None:
    """Damping with platinum over that without."""
    points = damping_points(runs, key)
    ratio, error = 1.0 + points.y / PERMALLOY, points.error / PERMALLOY
    draw_points(axis, points.x, ratio, error, "o-", color=line_colour(0), label="mcpump")
    axis.plot([10.0, 250.0], [2.0, 1.0], "x", color="0.3", label="published, in words")
    axis.set_xscale("log")
    few_ticks(axis.xaxis)
    axis.legend()
    axis.set_xlabel("thickness of Cu [nm]")
    axis.set_ylabel("damping with Pt over without")


_DRAWN = {
    "layer[1].thickness": _lengths, "electrons.thickness": _power, "layer[0].thickness": _copper,
}  # fmt: skip
