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
