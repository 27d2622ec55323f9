"""`uj run -- CMD …`: the energy and carbon of a command, at no visible cost to it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from microjoule.cli import NOTHING_MEASURABLE, PROG, arguments, child, summary

if TYPE_CHECKING:
    from microjoule.carbon import Intensity, Prices, Series
    from microjoule.config import Settings
    from microjoule.measurement import Measurement
    from microjoule.meter import Meter

_EPILOG: Final = """\
The command's standard streams, signals and exit status pass through untouched. The summary goes to
standard error when the command has ended, also after Ctrl-C. A command that is not found gives exit
status 127, one that cannot be executed 126. Wrong arguments give 2, and nothing is started.
"""
_STDERR: Final = "-"
# Options whose value may be left out, and what that means.
_BARE: Final = {"--json": _STDERR, "--equivalents": ""}


class _Plan(NamedTuple):
    """What was asked for, checked: from here on nothing of ours keeps the command from running."""

    command: list[str]
    settings: Settings
    intensity: Intensity | Series
    fallback: Intensity | None
    factors: arguments.Factors
    made: arguments.Made | None
    what_if: list[Intensity | Series]
    equivalents: tuple[str, ...] | None
    price: float | Prices | None
    currency: str
    digits: int
    json: str | None
    record: str | None
    not_found: str


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
        hint = plan.not_found if error.status == child.NOT_FOUND else ""
        _say(f"{PROG} run: {error}{hint}\n")
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
            intensity=plan.intensity,
        )
        meter._schedule(*_borders(plan))
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
        measurement = meter.end(token)
        try:
            found = _carbon(plan, measurement)
        except Exception as error:
            # The joules stay, whatever became of the intensity.
            energy = summary.energy(measurement, plan.digits)
            return f"energy {energy}; the carbon of it could not be told: {error}"
        if plan.json is None:
            _say(
                summary.text(plan.command, ended, measurement, found, meter.sensors(), plan.digits)
            )
        else:
            line = summary.document(plan.command, ended, measurement, found) + "\n"
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


def _borders(plan: _Plan) -> list[Callable[[int, int], list[int]]]:
    """Of every series that was named: at their borders the sampler settles the energy."""
    from microjoule import carbon

    named = (plan.intensity, plan.price, *plan.what_if)
    return [one.borders_ns for one in named if isinstance(one, carbon.Series | carbon.Prices)]


def _carbon(plan: _Plan, measurement: Measurement) -> summary.Carbon:
    from microjoule import carbon

    made = None if plan.made is None else plan.made.pieces(measurement.duration_s)

    def at(intensity: Intensity | Series) -> carbon.Footprint:
        keywords = plan.factors.keywords()
        return measurement.footprint(intensity, fallback=plan.fallback, embodied=made, **keywords)

    footprint = at(plan.intensity)
    # Whatever else is told of this run stands on the same figure, and nobody is asked again.
    measurement._intensity = footprint.intensity
    like: list[carbon.Equivalent] = []
    if plan.equivalents is not None:
        keys = plan.equivalents or None
        like = carbon.equivalents(footprint.co2e_g, energy_j=footprint.it_energy_j, keys=keys)
    cost = None
    if isinstance(plan.price, float):
        cost = carbon.cost(footprint.facility_energy_j, plan.price, plan.currency)
    elif plan.price is not None:
        # What is paid for is the building's energy, in the course of the sensors'.
        scale = plan.factors.host_factor * footprint.pue
        times, energy = measurement._course()
        cost = plan.price.cost(times, [scale * e for e in energy], plan.currency)
    others = [at(i) for i in plan.what_if if i != plan.intensity]
    return summary.Carbon(footprint, like, cost, others)


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
    args = parser.checked(arguments.bare(own, _BARE))
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
        where, fallback = _intensity(args.intensity, args.country)
        if args.losses and args.intensity is None and isinstance(where, carbon.Series):
            parser.error(
                "--losses: a live figure may have them in it, which is known only when it is there;"
                " leave them out, or take the tables' (MICROJOULE_OFFLINE=1)"
            )
        what_if = [] if args.what_if is None else arguments.places(args.what_if)
        return _Plan(
            command=command,
            settings=settings,
            intensity=where,
            fallback=fallback,
            factors=arguments.factors(args, where, *what_if),
            made=arguments.embodied(args),
            what_if=what_if,
            equivalents=arguments.comparisons(args.equivalents),
            price=arguments.price(args.price),
            currency=args.currency,
            digits=args.precision,
            json=args.json,
            record=args.record,
            not_found=_taken_for_value(own, command),
        )
    except ValueError as error:
        parser.error(str(error))


def _intensity(
    figure: str | None, country: str | None
) -> tuple[Intensity | Series, Intensity | None]:
    """The intensity of the run, and what stands in where it is a file with gaps."""
    from microjoule import carbon

    if figure is None:
        return carbon.here(country), None
    where = arguments.intensity_or_file(figure)
    if isinstance(where, carbon.Intensity):
        if country is not None:
            raise ValueError("argument --country: not allowed with a number as --intensity")
        return where, None
    # Looked up now: a place that is unknown must not come to light when the run is over.
    stands_in = carbon.here() if country is None else carbon.intensity(country)
    return where, stands_in if isinstance(stands_in, carbon.Intensity) else None


def _taken_for_value(own: list[str], command: list[str]) -> str:
    """What to say where the command is not found: it may have been meant as an option's value."""
    if own and own[-1] in _BARE:
        return f"; as the value of {own[-1]} it is written {own[-1]}={command[0]}"
    return ""


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


def _parser() -> tuple[arguments.Parser, frozenset[str]]:
    """The parser of our own arguments, and those of them that are followed by a value."""
    parser = arguments.Parser(
        "run", "[OPTION …] -- CMD …", "Measures the energy and carbon of a command.", _EPILOG
    )
    parser.add_argument(
        "--json",
        nargs="?",
        metavar="FILE",
        help="one line of JSON instead of the summary: on standard error, or with --json=FILE in "
        "that file, replaced whole, and then nothing is printed",
    )
    valued = [
        parser.add_argument(
            "--country",
            metavar="NO",
            help="where the electricity comes from: a country, region or cloud region; with a "
            "series, what stands in where it has no slot",
        ),
        parser.add_argument(
            "--intensity",
            metavar="G",
            help="its carbon intensity in gCO2e/kWh, or a CSV file with a series",
        ),
        parser.add_argument(
            "--what-if",
            metavar="NO,PL,US",
            help="the same run with other intensities as well, in one table",
        ),
        *arguments.add_factors(parser),
        *arguments.add_embodied(parser),
        *arguments.add_comparisons(parser),
        arguments.add_precision(parser),
        parser.add_argument(
            "--record",
            metavar="FILE",
            help="record every reading in a new file, to go with a bug report, or for a test: "
            "MICROJOULE_SOURCES=replay MICROJOULE_REPLAY=FILE measures by it",
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
