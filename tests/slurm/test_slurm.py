"""The jobs in slurm/ on a real Slurm, which is started for them on this machine and stopped in the end."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import pytest
from runs import assert_same, blocks, furnish, good, whole

from mcpump import results

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "slurm"
SCRIPT = Path(__file__).with_name("cluster.sh")
PMI2 = "srun --mpi=pmi2 --kill-on-bad-exit=0 --wait=5"
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BIN / "mcpump").exists(), reason="mcpump is not installed beside this Python"),
]
two_ranks = pytest.mark.skipif(
    not (BIN / "mpichversion").exists(), reason="no MPICH beside this Python: install mcpump[mpich]"
)
LAUNCHERS = [
    pytest.param((), id="one process"),
    pytest.param(("--ntasks-per-node=2",), marks=two_ranks, id="mpirun"),
    pytest.param(("--ntasks-per-node=2", PMI2), marks=two_ranks, id="srun"),
]


class Cluster:
    """A Slurm, and the folder from which jobs are submitted."""

    def __init__(self, conf):
        # the jobs find this environment by MCPUMP_VENV, not by the path
        path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != BIN)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "MCPUMP_"))}
        if cache := os.environ.get("MCPUMP_CACHE_DIR"):
            kept["MCPUMP_CACHE_DIR"] = cache
        self.environment = {
            **kept,
            "PATH": path,
            "SLURM_CONF": conf,
            "MCPUMP_VENV": sys.prefix,
            "MCPUMP_SETTLED": "0",
        }
        self.folder = None

    def call(self, *command, status=0, **environment):
        """Run a program; its standard output."""
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, env={**self.environment, **environment}, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def submit(self, script, *arguments, options=(), **environment):
        """Submit one of the jobs in slurm/; its number. What is no option among the options is the launcher."""
        launchers = [option for option in options if not option.startswith("--")]
        options = [option for option in options if option.startswith("--")]
        if launchers:
            environment["MCPUMP_LAUNCHER"] = launchers[0]
        small = ("--cpus-per-task=1", "--parsable")
        return self.call("sbatch", *small, *options, JOBS / script, *arguments, **environment).strip()

    def state(self, job):
        """What Slurm says of a job: {task: {key: value}}, with the task 0 where it is no array."""
        records = self.call("scontrol", "show", "job", "--oneliner", job).splitlines()
        found = [dict(re.findall(r"(\w+)=(\S*)", record)) for record in records]
        # tasks that have not begun are one record, "2-3"
        return {int(n) if (n := record.get("ArrayTaskId", "0")).isdigit() else n: record for record in found}

    def wait(self, job, seconds=240):
        """Wait until a job is over, and release what waits after a requeue; the states of its tasks."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            records = self.state(job)
            states = {task: record["JobState"] for task, record in records.items()}
            if all(state in OVER for state in states.values()):
                return states
            for record in records.values():  # Slurm lets two minutes pass
                if record["JobState"] == "PENDING" and int(record["Restarts"]):
                    self.release(record)
            time.sleep(0.2)
        raise AssertionError(f"job {job} takes too long: {self.state(job)}\n{self.log()}")

    def release(self, record):
        """Let a job that was requeued begin, when its node has forgotten it (or a second copy would be refused)."""
        requeued = datetime.fromisoformat(record["SubmitTime"])
        if (datetime.now() - requeued).total_seconds() < 5 or below(f"slurmstepd: [{record['JobId']}."):
            return
        # it may have begun by itself
        command = ["scontrol", "update", f"JobId={record['JobId']}", "StartTime=now"]
        subprocess.run(command, env=self.environment, capture_output=True, timeout=60)

    def log(self):
        """Logs of the jobs."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def complete(self, job, seconds=240):
        """Wait for a job that must succeed."""
        states = self.wait(job, seconds)
        assert set(states.values()) == {"COMPLETED"}, f"{self.state(job)}\n{self.log()}"
        return states

    def begun(self, job, file, count=1, seconds=120):
        """Wait until a running job has saved some blocks."""
        until = time.monotonic() + seconds
        while not ((self.folder / file).exists() and blocks(self.folder / file) >= count):
            assert time.monotonic() < until, f"{self.state(job)}\n{self.log()}"
            assert self.state(job)[0]["JobState"] not in OVER, f"{self.state(job)}\n{self.log()}"
            time.sleep(0.05)


def below(text):
    """Processes that have a text in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(text).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            pass
    return found


@pytest.fixture(scope="module")
def running():
    """A Slurm of two pretended nodes; where there cannot be one the tests are skipped, with the reason."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    try:
        for command in (["install"], ["start", folder]):
            done = subprocess.run(
                ["bash", SCRIPT, *command], env={**os.environ, "NODES": "2"}, capture_output=True, text=True, timeout=600
            )  # fmt: skip
            if done.returncode == 3:
                pytest.skip(done.stderr.strip().splitlines()[-1])
            assert done.returncode == 0, done.stderr
        yield Cluster(done.stdout.strip())
    finally:
        subprocess.run(["bash", SCRIPT, "stop", folder], check=True, timeout=120)
        left = below(folder)
        shutil.rmtree(folder)
    assert left == []


@pytest.fixture
def cluster(running, tmp_path, monkeypatch):
    """The Slurm, with a folder of the test's own."""
    running.folder = furnish(tmp_path / "work")
    monkeypatch.chdir(running.folder)
    return running


@pytest.fixture(scope="module")
def rate(tmp_path_factory):
    """Walkers that one thread walks in a second, after it has started; and the kernels compiled."""
    deck = furnish(tmp_path_factory.mktemp("rate")) / "junction.toml"
    times = {}
    for walkers in (4096, 200_000, 1_000_000):
        begun = time.monotonic()
        output = deck.with_name(f"{walkers}.h5")
        good("run", deck, "--walkers", walkers, *LONG, "--threads", 1, "--quiet", "-o", output)
        times[walkers] = time.monotonic() - begun
    return 800_000 / max(times[1_000_000] - times[200_000], 0.5)


LONG = ("--set", "run.walkers_per_block=4096")
"""Blocks for runs that take long."""


@pytest.mark.parametrize("options", LAUNCHERS)
def test_one_node(options, cluster):
    cluster.complete(cluster.submit("one_node.sbatch", "junction.toml", "-o", "job.h5", options=options))
    good("run", "junction.toml", "--quiet", "-o", "here.h5")
    assert_same("here.h5", "job.h5")
    log = cluster.log()
    assert log.count("Spin current along +x") == 1
    assert (f"{2 if options else 1} × 1 cores") in log


@two_ranks
@pytest.mark.parametrize("launcher", [(), (PMI2,)], ids=["mpirun", "srun"])
def test_many_nodes(launcher, cluster):
    job = cluster.submit("many_nodes.sbatch", "junction.toml", "-o", "job.h5", options=launcher)
    cluster.complete(job)
    assert cluster.state(job)[0]["NumNodes"] == "2"
    assert "4 × 1 cores" in cluster.log()
    good("run", "junction.toml", "--quiet", "-o", "here.h5")
    assert_same("here.h5", "job.h5")


@pytest.mark.parametrize("options", LAUNCHERS)
def test_warned_job_goes_on(options, cluster, rate):
    run = ("junction.toml", "--walkers", int(8 * rate), *LONG)
    job = cluster.submit("resume.sbatch", *run, "--checkpoint-every", 0.5, "-o", "job.h5", options=options)
    cluster.begun(job, "job.h5")
    cluster.call("scancel", "--batch", "--signal=USR1", job)
    cluster.complete(job)
    assert int(cluster.state(job)[0]["Restarts"]) == 1
    log = cluster.log()
    assert log.count("saved; back into the queue") == 1
    assert "stopped: signal SIGUSR1" in log
    good("run", *run, "--quiet", "-o", "here.h5")
    assert_same("here.h5", "job.h5")


def test_job_that_outlives_its_time_limit(cluster, rate):
    run = ("junction.toml", "--walkers", int(70 * rate), *LONG)
    # Slurm warns up to a minute before it was asked to
    options = ("--time=1", "--signal=B:USR1@10")
    job = cluster.submit(
        "resume.sbatch", *run, "--quiet", "-o", "job.h5", options=options, MCPUMP_SETTLED="5"
    )  # it may be warned as soon as it begins again
    dependent = cluster.submit(
        "figures.sbatch",
        "mcpump show job.h5",
        options=(f"--dependency=afterok:{job}", "--kill-on-invalid-dep=yes"),
    )
    cluster.complete(job, seconds=600)
    assert int(cluster.state(job)[0]["Restarts"]) >= 1
    cluster.complete(dependent)
    assert re.search(r"^junction.toml .* complete$", cluster.log(), re.MULTILINE)
    good("run", *run, "--quiet", "-o", "here.h5")
    assert_same("here.h5", "job.h5")


@pytest.mark.parametrize("options", LAUNCHERS)
def test_cancelled_job_has_saved_and_does_not_come_back(options, cluster):
    run = ("junction.toml", "--walkers", 10**9, "--checkpoint-every", 0.5, "-o", "job.h5")
    job = cluster.submit("resume.sbatch", *run, options=options)
    cluster.begun(job, "job.h5")
    before = blocks("job.h5")
    cluster.call("scancel", job)
    assert set(cluster.wait(job).values()) == {"CANCELLED"}
    until = time.monotonic() + 15  # Slurm says so before the job has ended
    while "stopped" not in whole("job.h5").message and time.monotonic() < until:
        time.sleep(0.1)
    assert "stopped: signal SIGTERM" in whole("job.h5").message
    assert blocks("job.h5") > before
    assert "back into the queue" not in cluster.log()


def test_requeues_come_to_an_end(cluster):
    run = ("junction.toml", "--walkers", 10**9, "--checkpoint-every", 0.5, "-o", "job.h5")
    job = cluster.submit("resume.sbatch", *run, MCPUMP_MOST_RESTARTS="0")
    cluster.begun(job, "job.h5")
    cluster.call("scancel", "--batch", "--signal=USR1", job)
    assert set(cluster.wait(job).values()) == {"FAILED"}
    assert "started again 0 times, and not complete" in cluster.log()
    assert not whole("job.h5").complete


@pytest.mark.parametrize("script", ["one_node.sbatch", "many_nodes.sbatch", "resume.sbatch"])
def test_mistake_fails(script, cluster):
    options = ("--ntasks-per-node=1", "--nodes=1")
    job = cluster.submit(script, "junction.toml", "--set", "electrons.exchagne=1", options=options)
    assert cluster.wait(job) == {0: "FAILED"}
    assert cluster.state(job)[0]["ExitCode"] == "2:0"
    assert "did you mean" in cluster.log()


def test_wrong_launcher_fails(cluster):
    job = cluster.submit(
        "one_node.sbatch", "junction.toml", options=("--ntasks-per-node=2", "srun --mpi=none")
    )
    assert cluster.wait(job) == {0: "FAILED"}
    assert re.search("started 2 processes|MPI cannot be used", cluster.log())


def test_no_mcpump_fails(cluster):
    job = cluster.submit("one_node.sbatch", "junction.toml", MCPUMP_VENV="/nowhere", PATH="/usr/bin:/bin")
    assert cluster.wait(job) == {0: "FAILED"}
    assert "no mcpump on" in cluster.log()


@two_ranks
@pytest.mark.parametrize("launcher", [(), (PMI2,)], ids=["mpirun", "srun"])
def test_killed_rank_fails_the_job(launcher, cluster):
    run = ("junction.toml", "--walkers", 10**9, "--checkpoint-every", 0.5, "-o", "job.h5")
    job = cluster.submit("resume.sbatch", *run, options=("--ntasks-per-node=2", *launcher))
    cluster.begun(job, "job.h5")
    folder = str(cluster.folder)
    walking = [
        int(link.parent.name)
        for link in Path("/proc").glob("[0-9]*/cwd")
        if os.path.realpath(link) == folder and b"--continue" in (link.parent / "cmdline").read_bytes()
        and (link.parent / "cmdline").read_bytes().startswith(os.fsencode(BIN))
        and b"mpirun" not in (link.parent / "cmdline").read_bytes()
    ]  # fmt: skip
    assert len(walking) >= 2
    os.kill(max(walking), 9)
    assert cluster.wait(job) == {0: "FAILED"}
    assert whole("job.h5").blocks


CROSSOVER = (
    "--vary", "texture.wavelength=0.6:60:3:log", "--with", "sample.x.length=0.6:60:3:log", "--walkers", 8192,
    "--set", "run.walkers_per_block=512",
)  # fmt: skip


def test_array(cluster):
    shutil.copy(ROOT / "run" / "junction.toml", "thin.toml")
    sweep = ("thin.toml", "--vary", "electrons.mean_free_path=1:9 nm:3:log", "--walkers", 16384)
    points = cluster.call(BIN / "mcpump", "sweep", *sweep, "--list").splitlines()
    assert len(points) == 3
    states = cluster.complete(cluster.submit("sweep_array.sbatch", *sweep, options=("--array=1-3",)))
    assert sorted(states) == [1, 2, 3]
    walked = sorted(Path("thin-sweep").iterdir())
    assert len(walked) == 3
    good("sweep", *sweep, "--quiet", "-o", "here")
    for file in walked:
        assert_same(Path("here") / file.name, file)


def test_warned_array_task_goes_on(cluster, rate):
    sweep = ("junction.toml", "--vary", "electrons.exchange=0.02, 0.05", "--walkers", int(8 * rate), *LONG)
    job = cluster.submit("sweep_array.sbatch", *sweep, "--checkpoint-every", 0.5, options=("--array=2",))
    file = Path("junction-sweep/exchange=0.05.h5")
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    cluster.call("scancel", "--batch", "--signal=USR1", f"{job}_2")
    cluster.complete(job)
    assert [int(record["Restarts"]) for record in cluster.state(job).values()] == [1]
    good("run", "junction.toml", "--walkers", int(8 * rate), *LONG, "--quiet", "-o", "here.h5")
    assert_same("here.h5", file)


def chained(cluster, figure, sweep, **environment):
    """Submit a chain; the numbers of its jobs by their names."""
    chain = cluster.call(JOBS / "submit_sweep.sh", "--figure", figure, *sweep, **environment)
    return dict(line.split() for line in chain.splitlines())


def test_chained_sweep(cluster):
    shutil.copy(ROOT / "run" / "crossover.toml", ".")
    figure = f"python {ROOT}/analysis/plot_crossover.py crossover-sweep/*.h5 -o crossover.png"
    jobs = chained(
        cluster, figure, ("crossover.toml", *CROSSOVER), MCPUMP_ARRAY_OPTIONS="--cpus-per-task=1 --time=5"
    )
    assert list(jobs) == ["sweep", "collect", "figures"]
    for job in jobs.values():
        cluster.complete(job)
    log = cluster.log()
    assert "3 of 3 points" in log
    shares = re.findall(r"share (\S+) ± (\S+)\s+exact (\S+)", log)
    assert len(shares) == 3
    for share, error, exact in (map(float, row) for row in shares):
        assert abs(share - exact) < 5 * error
    assert Path("crossover.png").stat().st_size > 10_000
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset("crossover-sweep.h5", engine="h5netcdf") as file:
        assert file.wavelength.values.tolist() == [0.6, 6.0, 60.0]
    # again: nothing is walked
    before = {file: results.read(file).provenance for file in Path("crossover-sweep").glob("*.h5")}
    for job in chained(cluster, "true", ("crossover.toml", *CROSSOVER), MCPUMP_ARRAY_OPTIONS="-c1").values():
        cluster.complete(job)
    assert before == {file: results.read(file).provenance for file in Path("crossover-sweep").glob("*.h5")}


def test_failing_point_cancels_the_chain(cluster):
    sweep = ("junction.toml", "--vary", "electrons.exchange=0.02, 0.05")
    folder = Path("junction-sweep")
    folder.mkdir()
    (folder / "exchange=0.05.h5").write_text("no results")
    jobs = chained(cluster, "touch drawn", sweep, MCPUMP_ARRAY_OPTIONS="--cpus-per-task=1")
    assert cluster.wait(jobs["sweep"]) == {1: "COMPLETED", 2: "FAILED"}
    assert cluster.wait(jobs["collect"]) == {0: "CANCELLED"}
    assert cluster.wait(jobs["figures"]) == {0: "CANCELLED"}
    assert not Path("drawn").exists()
    (folder / "exchange=0.05.h5").unlink()
    for job in chained(cluster, "touch drawn", sweep, MCPUMP_ARRAY_OPTIONS="--cpus-per-task=1").values():
        cluster.complete(job)
    assert Path("drawn").exists()


def test_failing_figure_fails(cluster):
    job = cluster.submit("figures.sbatch", "false | cat; touch drawn")
    assert cluster.wait(job) == {0: "FAILED"}
    assert not Path("drawn").exists()


def test_mistake_in_a_sweep_submits_nothing(cluster):
    cluster.call(JOBS / "submit_sweep.sh", "junction.toml", "--vary", "electrons.exchagne=1, 2", status=2)
    assert cluster.call("squeue", "--noheader", "--states=PENDING,RUNNING") == ""
