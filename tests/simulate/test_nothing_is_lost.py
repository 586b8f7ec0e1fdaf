"""The manual's table of what is left after what: every row names the tests that prove it, and they are there."""

import ast
from pathlib import Path

import pytest
from runs import AT_ONCE, call, furnish, good

ROOT = Path(__file__).resolve().parents[2]
HEAD = "| what happens | what is left | exit status |"
PROOFS = {
    "all is well": (
        "simulate/test_resume.py::test_interrupted_again_and_again_is_the_same_run",
        "simulate/test_two_writers.py::test_two_parts_of_one_name_join",
    ),
    "a defect of the program, a walker that never ends": (
        "simulate/test_nothing_is_lost.py::test_a_walker_that_never_ends_leaves_the_last_checkpoint",
        "mpi/test_mpi_resume.py::test_a_dying_rank_ends_the_job_and_the_last_checkpoint_resumes",
    ),
    "a mistake in a deck, an option or a file; no room for the file": (
        "cli/test_cli.py::test_bad_input_is_one_sentence",
        "simulate/test_resume.py::test_a_damaged_file_is_refused",
        "simulate/test_kill.py::test_a_mesh_that_is_too_large_for_the_disk_is_found_before_the_walk",
        "results/test_results.py::test_never_overwrites_unasked",
    ),
    "the wanted relative error was not reached": ("cli/test_cli.py::test_a_missed_target_is_loud",),
    "SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, `--max-time`": (
        "simulate/test_resume.py::test_stopped_by_a_signal",
        "simulate/test_kill.py::test_a_signal_is_heard_in_blocks_that_take_long",
        "mpi/test_mpi_resume.py::test_signals",
    ),
    "one of these signals before anything was walked": (
        "cli/test_broken_streams.py::test_a_signal_before_a_run_can_save_is_told",
    ),
    "one of these signals after the last block": (
        "simulate/test_kill.py::test_a_signal_after_the_file_is_written_changes_nothing",
        "mpi/test_mpi_resume.py::test_a_signal_after_the_file_is_written_changes_nothing",
    ),
    "a SIGINT after one of these, during the walk": (
        "simulate/test_kill.py::test_a_second_interrupt_ends_at_once",
    ),
    "SIGKILL, a dying rank, power off": (
        "simulate/test_kill.py::test_killed_while_writing",
        "simulate/test_kill.py::test_killed_at_random_times",
        "mpi/test_mpi_resume.py::test_a_dying_rank_ends_the_job_and_the_last_checkpoint_resumes",
    ),
    "a full disk, or no memory, for a save": (
        "simulate/test_kill.py::test_no_room_on_the_way_does_not_end_the_walk",
        "simulate/test_kill.py::test_no_room_at_the_end",
        "simulate/test_two_writers.py::test_a_failed_save_does_not_end_the_walk_and_the_last_one_is_tried_again",
        "simulate/test_two_writers.py::test_no_memory_for_the_numbers_of_a_save_does_not_end_the_walk",
    ),
    "two processes with one name": (
        "simulate/test_two_writers.py::test_two_runs_of_one_name",
        "simulate/test_two_writers.py::test_two_equal_runs_leave_one_file",
        "simulate/test_two_writers.py::test_a_run_that_goes_on_twice_keeps_the_more_complete_file",
        "simulate/test_two_writers.py::test_two_jobs_of_one_name",
    ),
    "a log, reader or terminal that takes nothing": (
        "cli/test_broken_streams.py::test_a_run_saves_and_ends_as_it_would_with_sound_streams",
        "cli/test_broken_streams.py::test_a_terminal_that_is_closed_stops_a_run_which_saves",
        "slurm/test_slurm_scripts.py::test_a_log_that_cannot_be_written_does_not_end_a_job",
    ),
}
"""First cell of each row → tests."""


def rows():
    """First cells of the table."""
    lines = (ROOT / "docs" / "MANUAL.md").read_text(encoding="utf-8").partition(HEAD)[2].splitlines()[2:]
    table = lines[: lines.index("")]
    return [line.split("|")[1].strip() for line in table]


def test_every_row_has_its_proof():
    assert rows() == list(PROOFS)


@pytest.mark.parametrize("row", PROOFS)
def test_every_proof_is_there(row):
    for proof in PROOFS[row]:
        file, _, name = proof.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, proof


def test_a_walker_that_never_ends_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path))
    good("run", "junction.toml", "--quiet", *AT_ONCE, "--threads", 1, "-o", "out.h5", status=75)
    before = Path("out.h5").read_bytes()
    status, _, err = call("run", "--resume", "out.h5", "--quiet", "--set", "run.max_flights=3")
    assert status == 1
    assert err.startswith("mcpump: walker ")
    assert "took more than run.max_flights = 3 flights: `mcpump replay DECK --walker" in err
    assert Path("out.h5").read_bytes() == before
