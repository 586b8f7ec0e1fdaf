"""Shells complete the commands, options and files of mcpump."""

import shutil
import subprocess

import pytest
from runs import call

COMPLETE = """
source {script}
COMP_WORDS=({words}) COMP_CWORD=$(({count} - 1))
{function}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def script(tmp_path):
    status, out, err = call("completion", "bash")
    assert (status, err) == (0, "")
    path = tmp_path / "mcpump.bash"
    path.write_text(out, encoding="utf-8")
    return path


def completed(script, *words):
    """What bash offers for the last word."""
    function = next(
        line.split()[-2]
        for line in script.read_text(encoding="utf-8").splitlines()
        if line.startswith("complete ")
    )
    quoted = " ".join(f"'{word}'" for word in words)
    text = COMPLETE.format(script=script, words=quoted, count=len(words), function=function)
    done = subprocess.run(["bash", "-c", text], cwd=script.parent, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_takes_the_script(script):
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_bash_completes_commands_options_choices_and_files(script):
    assert completed(script, "mcpump", "s") == {"sweep", "show", "solve"}
    assert completed(script, "mcpump", "ru") == {"run"}
    assert {"--walkers", "--resume", "--set"} <= completed(script, "mcpump", "run", "--")
    assert completed(script, "mcpump", "run", "--progress", "") == {"auto", "bar", "lines"}
    (script.parent / "film.toml").touch()
    assert completed(script, "mcpump", "check", "fil") == {"film.toml"}
    assert completed(script, "mcpump", "completion", "z") == {"zsh"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_theirs(shell, tmp_path):
    status, out, _ = call("completion", shell)
    assert status == 0
    assert "mcpump" in out
    assert "--walkers" in out or "-l walkers" in out
    if shutil.which(shell):
        (tmp_path / "script").write_text(out, encoding="utf-8")
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
