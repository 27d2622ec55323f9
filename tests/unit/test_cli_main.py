import subprocess
import sys

import pytest

from microjoule import cli
from microjoule._version import __version__


def test_help_has_one_line_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert f"uj {name}" in out
        assert command.summary in out


def test_every_command_exists_and_helps(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        with pytest.raises(SystemExit) as end:
            cli.main([name, "--help"])
        assert end.value.code == 0
        assert f"usage: uj {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"microjoule {__version__}\n"


@pytest.mark.parametrize(
    ("verb", "hint"), [("doktor", "did you mean doctor?"), ("xyz", "uj run -- xyz …")]
)
def test_an_unknown_command_names_the_nearest(
    verb: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([verb]) == 2
    assert hint in capsys.readouterr().err


def test_help_says_how_a_program_that_imports_codecarbon_is_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli.main(["--help"])
    assert "python -m microjoule.codecarbon program.py" in capsys.readouterr().out


def test_help_is_a_word_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    overview = capsys.readouterr().out
    assert cli.main(["help"]) == 0
    assert capsys.readouterr().out == overview
    with pytest.raises(SystemExit) as end:
        cli.main(["help", "run"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: uj run [OPTION …] -- CMD …\n")
    assert cli.main(["help", "rum"]) == 2
    assert "unknown command 'rum': did you mean run?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--jsn", "--", "true"], "unknown option --jsn: did you mean --json?"),
        (["run", "--jsn=x", "--", "true"], "unknown option --jsn: did you mean --json?"),
        (["run", "--countri", "NO", "--", "true"], "did you mean --country?"),
        (["intensity", "--scop", "direct", "NO"], "did you mean --scope?"),
        (["estimate", "co2", "--kwh", "3", "--qqq"], "`uj estimate co2 --help` shows them all"),
        (["intensity", "NO", "PL"], "'PL' is one argument too many"),
        (["estimate", "co2", "--kwh", "3", "-5"], "'-5' is one argument too many"),
        (["doctor", "gpu"], "'gpu' is one argument too many"),
    ],
)
def test_an_argument_that_no_command_takes_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage.startswith(f"usage: uj {arguments[0]}")
    assert error.endswith(sentence)


def test_an_unknown_way_to_estimate_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["estimate", "co3"]) == 2
    assert capsys.readouterr().err == "uj estimate: unknown way 'co3': did you mean co2?\n"


def test_nothing_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage: uj COMMAND" in capsys.readouterr().err


def test_a_verb_that_is_not_chosen_is_not_loaded() -> None:
    code = (
        "import sys; from microjoule.cli import main; main(['--version']);"
        "print([m for m in ('argparse', 'numpy', 'microjoule.cli.run') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def uj(shell: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of shell in which `uj` is ours."""
    line = shell.replace("uj", f"{sys.executable} -m microjoule")
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["uj --version", "uj --help", "uj intensity NO"])
def test_a_full_disk_is_one_sentence_and_a_gone_reader_none(command: str) -> None:
    done = uj(f"{command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["uj: the answer cannot be written: No space left on device"]
    done = uj(f"set -o pipefail; (sleep 0.5; {command}) | true")
    assert (done.returncode, done.stderr) == (1, "")


def test_a_closed_standard_output_changes_nothing() -> None:
    done = uj("uj run -- sh -c 'exit 7' >&-")
    assert done.returncode == 7
    assert "(exit status 7)" in done.stderr
    assert "Traceback" not in done.stderr
    done = uj("uj intensity NO >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert uj("uj nonsense 2>&-").returncode == 2
