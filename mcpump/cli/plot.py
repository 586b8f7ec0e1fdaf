"""`mcpump plot` and `mcpump compare`: figures of results files, and tables that hold them against theory."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpump.cli.options import COMPLETE
from mcpump.errors import InputError, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mcpump.tally.estimates import Result

Options = argparse.Namespace
SWEEPS = ("thickness", "frequency", "cone")
"""What of a stack may be swept."""


def add_plot(commands: Any) -> None:
    """Describe `mcpump plot`."""
    plot = commands.add_parser("plot", help="draw results files", description="Draw results files.")
    kinds = plot.add_subparsers(dest="kind", required=True, metavar="KIND", parser_class=type(plot))
    for name, (words, add, draw) in KINDS.items():
        kind = kinds.add_parser(
            name,
            help=words.splitlines()[0],
            description=words,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add(kind)
        kind.add_argument(
            "--panel", action="append", default=[], metavar="NAME",
            help="draw this panel alone (again for more); a name that is none lists them",
        )  # fmt: skip
        kind.add_argument(
            "--style", metavar="NAME",
            help="style of matplotlib, by name or a file; matplotlibrc counts, too",
        )  # fmt: skip
        kind.set_defaults(act=draw_files, draw=draw)


def add_compare(commands: Any) -> None:
    """Describe `mcpump compare`."""
    compare = commands.add_parser(
        "compare",
        help="hold runs against theory: the paper's closed forms, and the exact solution; or sweeps against experiments",
        description=_COMPARE, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    compare.add_argument(
        "files", nargs="+", type=Path, metavar="FILE",
        help="results file of mcpump run; with --papers file or folder of a sweep",
    )  # fmt: skip
    compare.add_argument(
        "--papers", action="store_true",
        help="hold sweeps of co_pt, magnet_thickness and copper_spacer against the experiments they are made after",
    )  # fmt: skip
    compare.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="text file to write the table to as well"
    )
    compare.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="figure of the first file beside the solution without walkers; with --papers of all sweeps",
    )
    compare.add_argument("--channel", help="channel whose current is drawn (default: that of the table)")
    compare.set_defaults(act=compare_files)


_COMPARE = """Compare runs with theory: the paper's closed forms, and the exact solution.

Plane waves in a periodic sample have one in closed form; junctions, stacks, real magnets and other samples along x in a
periodic drive one without walkers (mcpump.theory.slab), beside which --figure draws the run.

For each quantity, channel, part and multiple of Ω: the run, the paper (leading order in qℓ and Ωτ) and the exact solution
(any qℓ) where the latter is largest, how far the run is from it in standard errors, and the root mean square of this over
all cells, where 1 is expected. A run without an exact solution gets a sentence that says why.

With --papers: sweeps of three decks beside what Rojas-Sánchez, Ghosh and Mizukami with their coauthors published."""


def compare_files(options: Options) -> int:
    """`mcpump compare`: tables of runs against theory, or of sweeps against experiments."""
    from mcpump import figures, results

    if options.papers:
        from mcpump.report.papers import papers_table

        sweeps = [_read([file]) for file in options.files]
        text = "".join(map(papers_table, sweeps))
        if options.figure:
            _save(lambda: figures.papers_figure(sweeps), options.figure)
    else:
        found = [results.read(file) for file in options.files]
        text = "".join(map(_comparison, found))
        if options.figure:
            _save(lambda: figures.comparison_figure(found[0], options.channel), options.figure)
    if options.output:
        try:
            options.output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{show(str(options.output), 400)} cannot be written: {error.strerror}"
            ) from None
    print(text.rstrip("\n"))
    return COMPLETE


def _save(draw: Callable[[], Figure], path: Path) -> None:
    """Write a figure."""
    path = _figure_file(path)
    try:
        draw().savefig(path)
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: pip install 'mcpump[plot]'") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be drawn: {error}") from None


def _figure_file(path: Path) -> Path:
    """File of a figure, a PNG where its name has no ending; refuse what is there and is no file."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a figure")
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a device or a pipe, not a figure: choose another name")
    return path


def _comparison(result: Result) -> str:
    """Table of a run, or the sentence that says why it has none."""
    from mcpump.report.comparison import comparison_table

    try:
        return comparison_table(result)
    except InputError as error:
        return f"{error}\n"


def draw_files(options: Options) -> int:
    """`mcpump plot`: draw, write the figure, print the numbers of its points."""
    from mcpump import figures

    output = _figure_file(options.output or options.file.with_suffix(".png"))
    try:
        with figures.styled(options.style):
            figure, lines = options.draw(options)
            if options.panel:
                figures.only(figure, options.panel)
            figure.savefig(output)
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: pip install 'mcpump[plot]'") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{output} cannot be drawn: {error}") from None
    print("\n".join([*lines, str(output)]))
    return COMPLETE


def _read(files: Sequence[Path]) -> list[Result]:
    """Results of files, of folders of sweeps, or of files that collect one."""
    from mcpump import results

    return [results.read(file) for file in results.points_of(files)]


Drawn = tuple["Figure", Sequence[str]]
"""Figure, and lines to print."""


def _profile(options: Options) -> Drawn:
    from mcpump import figures, results

    run = results.read(options.file)
    return figures.profile(run, not options.no_theory, options.channel), ()


def _map(options: Options) -> Drawn:
    from mcpump import figures, results

    run = results.read(options.file)
    return figures.map_figure(run, options.channel, options.component, options.harmonic, options.time), ()


def _time(options: Options) -> Drawn:
    from mcpump import figures, results

    run = results.read(options.file)
    return figures.time_figure(run, options.channel, options.component), ()


def _charge(options: Options) -> Drawn:
    from mcpump import figures
    from mcpump.report.words import number

    runs = _read(options.files)
    lines = [
        f"{point.mechanism:<16} ℓ/λ {point.ell_over_lambda:<8.4g} conversion {number(*point.ratio)}   "
        f"of the local spin current alone {number(*point.local)}"
        for point in figures.conversion_points(runs)
    ]
    return figures.charge_figure(runs, options.harmonic), lines


def _potential(options: Options) -> Drawn:
    from mcpump import figures

    runs, chosen = _read(options.files), (options.channel, options.component, options.harmonic)
    found = [figures.potential_gradient(run, *chosen) for run in runs]
    lines = [
        f"{run.name}: ℓ/λ {one.ell_over_lambda:<8.4g} −∇μ_s over j: {one.factor:.3f}   ({one.name})"
        for run, one in zip(runs, found, strict=True)
    ]
    return figures.potential_figure(runs, *chosen), lines


def _crossover(options: Options) -> Drawn:
    from mcpump import figures
    from mcpump.report.crossover import crossover_point
    from mcpump.theory import local_share

    points = sorted(crossover_point(run) for run in _read(options.files))
    lines = [
        f"qℓ {point.q_ell:<10.5g} share {point.share:.6f} ± {point.stderr:.6f}   "
        f"exact {float(local_share(point.q_ell, point.dimension)):.6f}"
        for point in points
    ]
    return figures.crossover(points), lines


def _stack(options: Options) -> Drawn:
    from mcpump import figures

    take = {
        "thickness": figures.thickness_point,
        "frequency": figures.frequency_point,
        "cone": figures.cone_point,
    }
    points = {name: sorted(take[name](run) for run in _read(getattr(options, name))) for name in SWEEPS}
    lines = [
        f"{name:<9} {point.x:<11.5g} {point.y:.5g} ± {point.error:.2g}"
        for name, found in points.items()
        for point in found
    ]
    return figures.stack_figure(**points), lines


def _convergence(options: Options) -> Drawn:
    from mcpump import figures

    found = figures.convergence_points(
        _read(options.files), options.channel, options.component, options.harmonic
    )
    lines = [
        f"{part:<10} {point.walkers:>12} walkers   relative error {point.relative_error:.4f}   "
        f"figure of merit {point.merit:.4g} /s"
        for part, points in found.parts.items()
        for point in points
    ]
    return figures.convergence_figure(found), lines


def _mixing(options: Options) -> Drawn:
    from mcpump import figures

    fits = figures.mixing_points(_read(options.files), options.against, options.plane)
    return figures.mixing_figure(fits), figures.mixing_table(fits).splitlines()


def _one_file(kind: argparse.ArgumentParser, *choices: str) -> None:
    """Arguments of a figure of one run."""
    kind.add_argument("file", type=Path, metavar="FILE", help="results file of mcpump run")
    kind.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="figure to write (default: FILE with .png)"
    )
    _choices(kind, choices)


def _many_files(kind: argparse.ArgumentParser, output: str, *choices: str) -> None:
    """Arguments of a figure of several runs."""
    kind.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="results file of mcpump run, or of a sweep"
    )
    _output(kind, output)
    _choices(kind, choices)


def _output(kind: argparse.ArgumentParser, output: str) -> None:
    kind.add_argument(
        "-o", "--output", type=Path, default=Path(output), metavar="FILE", help=f"figure to write ({output})"
    )


def _choices(kind: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """What of a run is drawn."""
    if "channel" in names:
        kind.add_argument("--channel", help="channel to draw (default: that of the table)")
    if "component" in names:
        kind.add_argument(
            "--component", choices=("x", "y", "z"), help="component of the spin (default: largest)"
        )
    if "harmonic" in names:
        kind.add_argument("--harmonic", help="dc, cos1, sin1, … (default: dc, if anything is driven at it)")


def _add_profile(kind: argparse.ArgumentParser) -> None:
    _one_file(kind, "channel")
    kind.add_argument("--no-theory", action="store_true", help="leave out the lines of the theory for ℓ ≪ λ")


def _add_map(kind: argparse.ArgumentParser) -> None:
    _one_file(kind, "channel", "component", "harmonic")
    kind.add_argument("--time", type=int, default=-1, help="time bin of a transient (default: the last)")


def _add_potential(kind: argparse.ArgumentParser) -> None:
    _many_files(kind, "spin_potential.png", "component", "harmonic")
    kind.add_argument("--channel", default="first", help="channel to draw (default: first)")


def _add_stack(kind: argparse.ArgumentParser) -> None:
    for name in SWEEPS:
        kind.add_argument(
            f"--{name}", nargs="+", type=Path, default=[], metavar="FILE", help="results files of a sweep"
        )
    _output(kind, "stack_sweeps.png")


def _add_mixing(kind: argparse.ArgumentParser) -> None:
    _many_files(kind, "mixing_conductance.png")
    kind.add_argument("--against", metavar="KEY", help="key of the deck to draw against (default: ℓ/λ)")
    kind.add_argument(
        "--plane", type=float, metavar="X", help="place of the plane [nm; reduced: ℓ] (default: the first that serves)"
    )  # fmt: skip


KINDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[Options], Drawn]]] = {
    "profile": (
        "profiles of one run along x: texture, spin density, local and diffusive spin current",
        _add_profile, _profile,
    ),
    "map": (
        "maps of a run in two or three dimensions: local and diffusive density with the texture, and current",
        _add_map, _map,
    ),
    "time": (
        "a transient, or one period: local and diffusive spin current, in x and t and through the planes",
        lambda kind: _one_file(kind, "channel", "component"), _time,
    ),
    "charge": (
        "how spin turns into charge, by Rashba coupling and impurities, and what they convert against ℓ/λ\n\n"
        "The first run of each mechanism gets a column: local and diffusive spin current, charge current and density\n"
        "along a line of cells; all are points of the last panel. Of runs with [spin_orbit.skew] alone: what skew\n"
        "scattering makes of the spin current's parts, beside the inverse spin Hall formula.",
        lambda kind: _many_files(kind, "charge.png", "harmonic"), _charge,
    ),
    "potential": (
        "−∇μ_s, the gradient of the spin potential, against the diffusive current, for one or several runs\n\n"
        "The two agree as ℓ/λ → 0, Eq. (14) of the paper, and differ as ℓ/λ grows.",
        _add_potential, _potential,
    ),
    "crossover": (
        "the local share of the spin current against qℓ, one point for each run of a plane wave",
        lambda kind: _many_files(kind, "crossover.png"), _crossover,
    ),
    "stack": (
        "sweeps of a stack's DC spin current against their limits: tanh(d/2λ_s), linear in Ω, and sin²θ",
        _add_stack, _stack,
    ),
    "convergence": (
        "the standard error of a spin current against the number of walkers, and the figure of merit",
        lambda kind: _many_files(kind, "convergence.png", "channel", "component", "harmonic"), _convergence,
    ),
    "mixing": (
        "a, b of Tserkovnyak's form a ṅ + b n×ṅ and the effective mixing conductance 4πb/ħ of several runs\n\n"
        "They are put against ℓ/λ, or against what else was swept.",
        _add_mixing, _mixing,
    ),
}  # fmt: skip
"""Kind → words, arguments, and what draws it."""
