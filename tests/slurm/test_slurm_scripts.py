"""The jobs in slurm/, looked at without a Slurm."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runs import call, child, finish, furnish, wait_for

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "slurm"
SCRIPTS = sorted([*JOBS.glob("*.sh"), *JOBS.glob("*.sbatch"), Path(__file__).with_name("cluster.sh")])
SBATCH = sorted(JOBS.glob("*.sbatch"))
README = (JOBS / "README.md").read_text(encoding="utf-8")
DIRECTIVES = (
    "job-name", "nodes", "ntasks-per-node", "ntasks", "cpus-per-task", "time", "signal", "requeue", "no-requeue",
    "open-mode", "output",
)  # fmt: skip
FAKE = """#!/bin/bash
# an sbatch that notes its arguments and gives numbers
echo "$*" >> submitted
wc -l < submitted
"""


def options_of(command):
    """Options of one of mcpump's commands."""
    status, out, _ = call(command, "--help")
    assert status == 0
    return set(re.findall(r"--[a-z][a-z-]*", out))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_syntax(script):
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "\t" not in script.read_text()


@pytest.mark.parametrize("script", SBATCH, ids=lambda script: script.name)
def test_jobs_fail_loudly_and_ask_for_what_sbatch_knows(script):
    text = script.read_text(encoding="utf-8")
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    assert lines[first] == "set -euo pipefail"
    assert not any(line.startswith("#SBATCH") for line in lines[first:])
    directives = re.findall(r"^#SBATCH --([a-z-]+)", text, re.MULTILINE)
    assert "time" in directives
    assert set(directives) <= set(DIRECTIVES)
    assert ("signal" in directives) == ("end_or_requeue" in text) == ("requeue" in directives)
    assert f"`{script.name}`" in README


def test_options_of_mcpump_exist():
    # what the jobs themselves hand over; comments and README too
    used = {"run": {"--threads"}, "sweep": {"--threads"}}
    for path in [*SCRIPTS, JOBS / "README.md", ROOT / "docs" / "MANUAL.md"]:
        text = path.read_text(encoding="utf-8").replace("\\\n#", " ").replace("\\\n", " ")
        for line in re.findall(r"(?:walk|mcpump) (?:run|sweep) .*", text):
            command = line.split()[1]
            used[command] |= set(re.findall(r"(?<=[\s])--[a-z][a-z-]*", re.split(r"[`;|]", line)[0]))
        for name, rest in re.findall(r"(\w+\.(?:sbatch|sh)) .*?(\S*\.toml .*)", text):
            command = "sweep" if "sweep" in name or name == "collect.sbatch" else "run"
            used[command] |= set(re.findall(r"--[a-z][a-z-]*", rest))
    assert {"--continue"} <= used["run"] <= options_of("run")
    assert {"--collect", "--point", "--list", "--vary", "--with"} <= used["sweep"] <= options_of("sweep")


def test_files_of_the_readme():
    for name in re.findall(r"\b(?:slurm|run|tests|analysis)/[\w/.]+\.\w+", README):
        assert (ROOT / name).is_file(), name


def test_signal_of_the_jobs_is_one_that_mcpump_saves_on():
    from mcpump.simulate.signals import SIGNALS

    assert {"SIGUSR1", "SIGTERM"} <= {number.name for number in SIGNALS}
    for script in SBATCH:
        for name in re.findall(r"--signal=B:(\w+)@", script.read_text()):
            assert name == "USR1"


def programs(folder, **texts):
    """Put programs into a folder that a job finds as its virtual environment."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)


def submit(folder, *arguments):
    """Submit a sweep to an sbatch that only notes what it is told: (status, output, errors, what was submitted)."""
    programs(folder, sbatch=FAKE, mcpump=f'#!/bin/sh\nexec {sys.executable} -m mcpump "$@"\n')
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", JOBS / "submit_sweep.sh", *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PATH": path, "MCPUMP_VENV": "/nowhere", "MCPUMP_ARRAY_OPTIONS": "--time=5 --mem=1G"},
    )  # fmt: skip
    file = folder / "submitted"
    return done.returncode, done.stdout, done.stderr, file.read_text().splitlines() if file.exists() else []


def test_chain(tmp_path):
    sweep = ("junction.toml", "--vary", "electrons.exchange=0.02, 0.05, 0.1")
    furnish(tmp_path)
    status, out, err, submitted = submit(tmp_path, "--figure", "draw it", "--at-once", "2", *sweep)
    assert status == 0, err
    assert out == "sweep 1\ncollect 2\nfigures 3\n"
    words = " ".join(sweep)
    assert submitted == [
        f"--parsable --array=1-3%2 --time=5 --mem=1G {JOBS}/sweep_array.sbatch {words}",
        f"--parsable --dependency=afterok:1 --kill-on-invalid-dep=yes {JOBS}/collect.sbatch {words}",
        f"--parsable --dependency=afterok:2 --kill-on-invalid-dep=yes {JOBS}/figures.sbatch draw it",
    ]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "submit_sweep.sh"),
        (("junction.toml", "--vary", "electrons.exchagne=1, 2"), "exchange"),
        (("nothing.toml", "--vary", "electrons.exchange=1, 2"), "nothing.toml"),
    ],
)
def test_mistake_submits_nothing(arguments, word, tmp_path):
    furnish(tmp_path)
    status, out, err, submitted = submit(tmp_path, *arguments)
    assert (status, out, submitted) == (2, "", [])
    assert word in err


def test_job_outside_of_slurm_says_so(tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    done = subprocess.run(
        ["bash", JOBS / "one_node.sbatch", "junction.toml"], cwd=tmp_path, capture_output=True, text=True,
        env={**environment, "MCPUMP_SLURM": str(JOBS)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "submit it with sbatch" in done.stderr


PROGRAM = """#!/bin/bash
[ "$1" != --version ] || { touch begun; exec sleep 0.5; }
trap 'exit 75' USR1
touch walking
for ((i = 0; i < TENTHS; i++)); do sleep 0.1; done
trap '' USR1
touch ended
sleep 0.3
"""
SCONTROL = """#!/bin/bash
[ "$1" != requeue ] || touch requeued
"""


SLURM = {"SLURM_JOB_ID": "1", "SLURM_JOB_NODELIST": "node", "SLURM_NNODES": "1"}


def job(folder, tenths):
    """Start resume.sbatch with an mcpump that takes so many tenths of a second, under a pretended Slurm."""
    programs(folder, mcpump=PROGRAM, scontrol=SCONTROL)
    own = {
        "MCPUMP_SLURM": str(JOBS),
        "MCPUMP_VENV": str(folder),
        "MCPUMP_SETTLED": "2",
        "TENTHS": str(tenths),
    }
    program = ("bash", JOBS / "resume.sbatch")
    return child("junction.toml", folder=folder, program=program, env={**os.environ, **SLURM, **own})


@pytest.mark.parametrize("moment", ["begun", "walking"])
def test_warning_is_passed_on_whenever_it_comes(moment, tmp_path):
    """Before mcpump has begun, too."""
    process = job(tmp_path, tenths=200)
    wait_for((tmp_path / moment).exists, process, timeout=20)
    process.send_signal(signal.SIGUSR1)
    status, _, err = finish(process, timeout=30)
    assert status == 0, err
    assert "warned: saving" in err
    assert "saved; back into the queue" in err
    assert (tmp_path / "requeued").exists()


def test_warning_after_the_end_changes_nothing(tmp_path):
    process = job(tmp_path, tenths=1)
    wait_for((tmp_path / "ended").exists, process, timeout=20)
    while process.poll() is None:
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.01)
    status, _, err = finish(process)
    assert status == 0, err
    assert not (tmp_path / "requeued").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("how", ["full", "gone", "closed"])
def test_a_log_that_cannot_be_written_does_not_end_a_job(how, tmp_path):
    """The job walks, is warned, saves, and goes back into the queue."""
    programs(tmp_path, mcpump=PROGRAM, scontrol=SCONTROL)
    own = {"MCPUMP_SLURM": str(JOBS), "MCPUMP_VENV": str(tmp_path), "MCPUMP_SETTLED": "2", "TENTHS": "200"}
    reader, log = os.pipe() if how == "gone" else (None, os.open("/dev/full", os.O_WRONLY))
    if reader is not None:
        os.close(reader)
    process = subprocess.Popen(
        ["bash", JOBS / "resume.sbatch", "junction.toml"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        env={**os.environ, **SLURM, **own}, start_new_session=True,
        preexec_fn=(lambda: (os.close(1), os.close(2))) if how == "closed" else None,
    )  # fmt: skip
    os.close(log)
    until = time.monotonic() + 20
    while not (tmp_path / "walking").exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=30) == 0
    assert (tmp_path / "requeued").exists()


RECORD = """#!/bin/bash
# as Slurm tells it: one line for the script, whose whole path it knows, and its arguments
printf 'JobId=1 JobName=mcpump\n   UserId=me(1000)\n   Command=%s\n   WorkDir=%s\n' "$COMMAND" "$PWD"
"""


@pytest.mark.parametrize("place", ["my project", "log(kd)=-1", "a/slurm b/c.sbatch d", "."])
@pytest.mark.parametrize("script", SBATCH, ids=lambda script: script.name)
def test_jobs_find_their_folder(script, place, tmp_path):
    """Whatever stands in its name and in the arguments of the job; at "." the job is submitted from there."""
    folder = tmp_path / place
    shutil.copytree(JOBS, folder / "slurm")
    (tmp_path / "spool").mkdir()
    copy = shutil.copy(script, tmp_path / "spool" / "slurm_script")
    programs(tmp_path, mcpump='#!/bin/bash\necho "mcpump $*" >> called\n', scontrol=RECORD)
    arguments = ["my decks/junction.toml", "--vary", "electrons.exchange=0.02, 0.05"]
    if script.name == "figures.sbatch":
        arguments = ["mcpump plots/junction.h5"]
    own = {
        "COMMAND": " ".join(
            [script.name if place == "." else str(folder / "slurm" / script.name), *arguments]
        ),
        "MCPUMP_VENV": str(tmp_path),
        "SLURM_ARRAY_TASK_ID": "1",
    }
    environment = {key: value for key, value in os.environ.items() if key != "MCPUMP_SLURM"}
    done = subprocess.run(
        ["bash", copy, *arguments], cwd=folder / "slurm", capture_output=True, text=True, timeout=60,
        env={**environment, **SLURM, **own, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert arguments[-1].removeprefix("mcpump ") in (folder / "slurm" / "called").read_text()
