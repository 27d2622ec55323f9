"""`uj run -- CMD …`: the energy and carbon of a command, at no visible cost to it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from microjoule.cli import NOTHING_MEASURABLE, PROG, child, summary

if TYPE_CHECKING:
    from microjoule.carbon import Intensity
    from microjoule.config import Settings
    from microjoule.meter import Meter

_EPILOG: Final = """\
The command's standard streams, signals and exit status pass through untouched. The summary goes to
standard error when the command has ended, also after Ctrl-C. A command that is not found gives exit
status 127, one that cannot be executed 126. Wrong arguments give 2, and nothing is started.
"""
_STDERR: Final = "-"


class _Plan(NamedTuple):
    """What was asked for, checked: from here on nothing of ours keeps the command from running."""

    command: list[str]
    settings: Settings
    intensity: Intensity
    pue: float
    digits: int
    json: str | None
    record: str | None


def main(argv: list[str]) -> int:
    """Runs the command `run`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status of the measured command.
    """
    plan = _plan(argv)
    # Before the meter: its threads must not take the signals that are waited for here.
    running = child.Child(plan.command)
    try:
        meter, token, problem = _begin(plan)
    except ValueError as error:
        running.cancel()
        _say(f"{PROG} run: {error}\n")
        return NOTHING_MEASURABLE
    try:
        running.start()
    except child.CannotRunError as error:
        if meter is not None:
            meter.close()
        _say(f"{PROG} run: {error}\n")
        return error.status
    ended = running.wait()
    if meter is not None:
        problem = _end(plan, ended, meter, token)
    if problem:
        _say(f"{PROG} run: {problem}\n")
    return child.die_by(ended.signal) if ended.signal else ended.status


def _begin(plan: _Plan) -> tuple[Meter | None, int, str]:
    try:
        from microjoule.meter import Meter

        meter = Meter(
            sources=plan.settings.sources,
            period_s=plan.settings.period_s,
            pace=plan.settings.pace,
            record=plan.record,
        )
        return meter, meter.begin(os.path.basename(plan.command[0])), ""
    except ValueError:
        # The sources that were named are not to be had: whoever names them wants no others.
        raise
    except Exception as error:
        # Whatever it is, the command runs: a measurement may fail, the measured program may not.
        return None, 0, f"nothing is measured: {error}"


def _end(plan: _Plan, ended: child.Ended, meter: Meter, token: int) -> str:
    """Sums up and reports; the answer is what went wrong, as a sentence, or nothing."""
    try:
        from microjoule import carbon

        measurement = meter.end(token)
        footprint = carbon.footprint(
            measurement.energy_j,
            uncertainty_j=measurement.uncertainty_j,
            intensity=plan.intensity,
            pue=plan.pue,
        )
        if plan.json is None:
            _say(
                summary.text(
                    plan.command, ended, measurement, footprint, meter.sensors(), plan.digits
                )
            )
        else:
            line = summary.document(plan.command, ended, measurement, footprint) + "\n"
            if plan.json == _STDERR:
                _say(line)
            else:
                return _write(plan.json, line)
    except Exception as error:
        # As above: the status of the command is passed on, whatever happens to our figures.
        return f"the run could not be summed up: {error}"
    finally:
        meter.close()
    return meter.recording_problem()


def _write(path: str, line: str) -> str:
    try:
        _replace(path, line)
    except OSError as error:
        # What was measured is not lost for want of a place.
        _say(line)
        return f"cannot write {path!r}: {error.strerror}; the figures are above"
    return ""


def _replace(path: str, line: str) -> None:
    """Writes a file whole or not at all; what is no plain file of its own is appended to."""
    if _is_stream(path):
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line)
        return
    target = os.path.realpath(path)
    beside = f"{target}.{os.getpid()}.tmp"
    try:
        with open(beside, "x", encoding="utf-8") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, target)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def _is_stream(path: str) -> bool:
    """A pipe, a device, or a name for an open file, which others write to as well (/dev/stdout)."""
    if os.path.abspath(path).startswith(("/dev/", "/proc/")):
        return True
    return os.path.exists(path) and not os.path.isfile(path)


def _say(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        # No standard error, or nobody reads it: no reason to change how the command ended.
        pass


def _plan(argv: list[str]) -> _Plan:
    parser, options = _parser()
    own, command = _split(argv, options)
    # A bare --json means standard error; argparse would take the next argument for its value.
    args = parser.parse_args([f"--json={_STDERR}" if a == "--json" else a for a in own])
    if not command:
        parser.error(f"say which command to measure: {PROG} run -- python train.py")
    if args.json == "":
        parser.error("--json= needs the name of a file: --json=run.json")
    if args.json not in (None, _STDERR):
        _check_place(parser, "json", args.json)

    if args.record is not None:
        if os.path.lexists(args.record):
            parser.error(f"--record={args.record}: there is such a file already; name a new one")
        _check_place(parser, "record", args.record)

    from microjoule import carbon, config

    try:
        settings = config.load(arguments={"period": args.period, "pace": args.pace})
        intensity = carbon.resolve(args.country, args.intensity)
        # The footprint of nothing: it refuses what the footprint of the run would refuse.
        carbon.footprint(0.0, uncertainty_j=0.0, intensity=intensity, pue=args.pue)
    except ValueError as error:
        parser.error(str(error))
    return _Plan(command, settings, intensity, args.pue, args.precision, args.json, args.record)


def _check_place(parser: argparse.ArgumentParser, option: str, path: str) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        parser.error(f"--{option}={path}: that is a folder; name a file in it")
    if not _is_stream(path):
        if not os.path.isdir(folder):
            parser.error(f"--{option}={path}: there is no folder {folder}")
        # The file is replaced, not written to: it is the folder that must allow it.
        if not os.access(folder, os.W_OK | os.X_OK):
            parser.error(f"--{option}={path}: no permission to write in {folder}")


def _split(argv: list[str], options: frozenset[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the command: from `--` or the first word that is not ours."""
    i = 0
    while i < len(argv) and argv[i].startswith("-") and argv[i] != "--":
        i += 2 if argv[i] in options else 1
    command = argv[i:]
    return argv[:i], command[1:] if command[:1] == ["--"] else command


def _parser() -> tuple[argparse.ArgumentParser, frozenset[str]]:
    """The parser of our own arguments, and those of them that are followed by a value."""
    parser = argparse.ArgumentParser(
        prog=f"{PROG} run",
        usage=f"{PROG} run [OPTION …] -- CMD …",
        description="Measures the energy and carbon of a command.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="one line of JSON instead of the summary: on standard error, or with --json=FILE in "
        "that file, replaced whole, and then nothing is printed",
    )
    place = parser.add_mutually_exclusive_group()
    valued = [
        place.add_argument(
            "--country", metavar="NO", help="where the electricity comes from (ISO 3166)"
        ),
        place.add_argument(
            "--intensity", type=float, metavar="G", help="its carbon intensity in gCO2e/kWh"
        ),
        parser.add_argument(
            "--pue",
            type=float,
            default=1.0,
            metavar="X",
            help="power usage effectiveness of the building, 1 or more (default: 1)",
        ),
        parser.add_argument(
            "--precision",
            type=_digits,
            default=3,
            metavar="N",
            help="significant digits of the summary, 1 to 15 (default: 3)",
        ),
        parser.add_argument(
            "--record",
            metavar="FILE",
            help="record every reading in a new file, to be replayed or to go with a bug report",
        ),
        parser.add_argument(
            "--period", type=float, metavar="S", help="sampling period in seconds (default: 0.001)"
        ),
        parser.add_argument(
            "--pace",
            metavar="PACE",
            help="events: fast where something happens, slow elsewhere (default); fixed: always "
            "at the period",
        ),
    ]
    return parser, frozenset(s for action in valued for s in action.option_strings)


def _digits(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 15:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of digits from 1 to 15")
    return int(text)
