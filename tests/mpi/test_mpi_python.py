"""`mcpump.run` in a program of one's own under mpirun: who walks with whom, and that nobody is left waiting."""

import os
import subprocess
import textwrap

import pytest
from jobs import MPIRUN, NO_MPIRUN, ranks
from runs import JUNCTION, assert_same

import mcpump
from mcpump import results

pytestmark = pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
HEAD = """
from mpi4py import MPI
import mcpump
from mcpump.errors import McpumpError

world = MPI.COMM_WORLD
rank = world.rank


def say(*words):
    with open(f"said{rank}", "a") as file:  # mpirun mixes what ranks print
        print(*words, file=file)
"""
REFUSED = """
try:
    {call}
    say("walked")
except McpumpError as error:
    say(error)
"""
PMIX = {"PMIX_NAMESPACE": "slurm.pmix.7.0", "PMIX_RANK": "0"}
"""What srun leaves in the environment of a shell that it has started."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deck.toml").write_text(JUNCTION)
    return tmp_path


def program(folder, text, n=2, environment=None):
    """Run a program on some ranks: its status, the lines that they said, rank by rank, and standard error."""
    (folder / "program.py").write_text(HEAD + textwrap.dedent(text))
    done = subprocess.run(
        ranks(n, ["program.py"]), cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    said = sorted(folder.glob("said*"))
    lines = [line for file in said for line in file.read_text().splitlines()]
    for file in said:
        file.unlink()
    return done.returncode, lines, done.stderr


def alone(folder, name, **arguments):
    """The same run in this process; its file."""
    assert mcpump.run(folder / "deck.toml", folder / name, progress=False, **arguments).complete
    return folder / name


def test_a_run_of_its_own_in_each_rank(folder):
    """Another deck, seed and file in each; an ensemble."""
    text = """
    mcpump.run("deck.toml", f"rank{rank}.h5", seed=100 + rank, set={"electrons.exchange": 0.05 * (1 + rank)}, comm=None)
    """
    status, _, err = program(folder, text)
    assert status == 0, err
    for rank in (0, 1):
        there = alone(
            folder, f"here{rank}.h5", seed=100 + rank, set={"electrons.exchange": 0.05 * (1 + rank)}
        )
        assert_same(there, folder / f"rank{rank}.h5")
        provenance = results.read(folder / f"rank{rank}.h5").provenance
        assert (provenance["ranks"], provenance["threads"]) == (1, 1)


def test_communicators(folder):
    """Two pairs of ranks walk two decks; the ranks in a communicator are counted anew."""
    text = """
    pair = world.Split(rank % 2, -rank)
    run = mcpump.run("deck.toml", f"pair{rank % 2}.h5", seed=100 + rank % 2, comm=pair)
    say(rank % 2, float(run.budget.mean.min()))
    one = mcpump.run("deck.toml", seed=100 + rank % 2, comm=MPI.COMM_SELF, progress=False)
    say(rank % 2, float(one.budget.mean.min()))
    """
    status, out, err = program(folder, text, n=4)
    assert status == 0, err
    for pair in (0, 1):
        there = alone(folder, f"here{pair}.h5", seed=100 + pair)
        assert_same(there, folder / f"pair{pair}.h5")
        assert results.read(folder / f"pair{pair}.h5").provenance["ranks"] == 2
        least = float(mcpump.load(there).budget.mean.min())
        assert [line for line in out if line.startswith(f"{pair} ")] == 4 * [f"{pair} {least}"]


@pytest.mark.parametrize("environment", [{}, PMIX], ids=["", "below srun"])
def test_the_world_is_the_default(folder, environment):
    """Also where srun has left its mark; communicators are given back, of which there are some thousand only."""
    text = """
    from mcpump.simulate import ranks

    run = mcpump.run("deck.toml", "world.h5", progress=rank == 0, threads=1 + rank)
    assert run.complete
    for _ in range(3000):
        ranks.connect().close()
    """
    # MPI is begun by mcpump, as in a program that does not use it itself
    (folder / "program.py").write_text("import mcpump\nrank = 0\n" + textwrap.dedent(text))
    done = subprocess.run(
        ranks(2, ["program.py"]), cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_same(alone(folder, "here.h5"), folder / "world.h5")
    assert results.read(folder / "world.h5").provenance["ranks"] == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('mcpump.run("deck.toml", "a.h5", set={"electrons.exchange": 0.05 + rank})', "electrons.exchange"),
        ('mcpump.run("deck.toml", "a.h5", seed=rank, walkers=1000 + rank)', "run.walkers, run.seed"),
        ('mcpump.run("deck.toml", f"{rank}.h5")', "(output)"),
        ('mcpump.run("deck.toml", "a.h5", overwrite=rank == 0, max_time=rank + 1.0)', "max_time, overwrite"),
        ('mcpump.run(["deck.toml", "nothing.toml"][rank], "a.h5")', "rank 1 of the 2 cannot walk with the others: deck"),
        ('mcpump.run(["nothing.toml", "deck.toml"][rank], "a.h5")', 'deck "nothing.toml" cannot be read'),
        ('mcpump.run("deck.toml", "a.h5", threads=1 - rank)', "threads = 0 must be"),
        ('mcpump.run("deck.toml", "a.h5", set={"run.seed": None if rank else 1})', "run.seed = None must be"),
        ('mcpump.run("deck.toml", "program.py")', "program.py' exists already"),
    ],
)  # fmt: skip
def test_ranks_that_differ_are_refused(folder, call, words):
    """On every rank, in the same sentence."""
    status, out, err = program(folder, REFUSED.format(call=call))
    assert (status, err) == (0, "")
    assert len(out) == 2
    assert out[0] == out[1]
    assert words in out[0]
    assert sorted(path.name for path in folder.iterdir()) == ["deck.toml", "program.py"]


@pytest.mark.parametrize("comm", ["'wrold'", "3", "MPI.COMM_NULL", "MPI.COMM_WORLD.Split(rank)"])
def test_what_is_no_communicator(folder, comm):
    text = REFUSED.format(call=f'mcpump.run("deck.toml", "a.h5", seed=rank, comm={comm}, progress=False)')
    status, out, err = program(folder, text, n=1)
    assert (status, err) == (0, "")
    refusal = 'must be "world", None or a communicator of mpi4py that this process belongs to'
    assert out[0].endswith("walked" if "Split" in comm else refusal)


def test_command_below_srun(folder):
    command = ranks(2, ["-m", "mcpump", "run", "deck.toml", "-o", "a.h5", "--quiet"])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **PMIX}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert results.read(folder / "a.h5").provenance["ranks"] == 2
