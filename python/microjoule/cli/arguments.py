"""Arguments that several commands take, and what is said where they are wrong."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from microjoule.cli import PROG, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from microjoule.carbon import Embodied, Intensity, Prices, Series

STDERR: Final = "-"


class Parser(argparse.ArgumentParser):
    """The arguments of a command; what is wrong is one sentence, with the nearest option named.

    Args:
        command: The command's name.
        usage: What follows it.
        description: What it does, in a sentence.
        epilog: What is said below the options, line by line as it stands.
    """

    def __init__(self, command: str, usage: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"{PROG} {command}",
            usage=f"{PROG} {command} {usage}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def checked(self, argv: Sequence[str], *, intermixed: bool = False) -> argparse.Namespace:
        """What `parse_args` gives; with `intermixed`, options may stand between the words."""
        parse = self.parse_known_intermixed_args if intermixed else self.parse_known_args
        args, left = parse(argv)
        for word in left:
            # A number below zero is no option that was misspelt.
            if word.startswith("-") and not isinstance(number_or_name(word), float):
                self._unknown(word.partition("=")[0])
        if left:
            self.error(f"{left[0]!r} is one argument too many")
        return args

    def _unknown(self, option: str) -> NoReturn:
        near = nearest(option, self._option_string_actions)
        self.error(f"unknown option {option}: {near or f'`{self.prog} --help` shows them all'}")


def sentence(error: Exception) -> str:
    """What an error says to a person: of a file its name and the reason, without a number."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def digits(text: str) -> int:
    """Significant digits, 1 to 15."""
    if not text.isdecimal() or not 1 <= int(text) <= 15:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of digits from 1 to 15")
    return int(text)


def add_precision(parser: argparse.ArgumentParser, default: int = 3) -> argparse.Action:
    """Adds `--precision`."""
    return parser.add_argument(
        "--precision",
        type=digits,
        default=default,
        metavar="N",
        help=f"significant digits, 1 to 15 (default: {default})",
    )


def number_or_name(text: str) -> float | str:
    """A number where it is one, else what was written."""
    try:
        return float(text)
    except ValueError:
        return text


def intensity_or_file(text: str) -> Intensity | Series:
    """What `--intensity` names: a figure in g/kWh, or a CSV file with a series.

    Raises:
        ValueError: It is neither.
    """
    from microjoule import carbon

    figure = number_or_name(text)
    if isinstance(figure, float):
        return carbon.intensity(figure)
    if text.casefold().endswith(".csv") or os.path.exists(text):
        return carbon.Series.from_csv(text)
    raise ValueError(
        f"--intensity {text!r} is neither a number of g/kWh nor a CSV file; "
        "a place is named by --country"
    )


def flat(where: Intensity | Series) -> Intensity:
    """The intensity itself.

    Raises:
        ValueError: It is a series, which needs the course of a run.
    """
    from microjoule import carbon

    if not isinstance(where, carbon.Intensity):
        raise ValueError("a series needs a run: pass a number of g/kWh, or a place")
    return where


def add_place(parser: argparse.ArgumentParser) -> None:
    """Adds `--country` and `--intensity`."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--country", metavar="NO", help="where the electricity comes from")
    place.add_argument("--intensity", metavar="G", help="its carbon intensity in gCO2e/kWh")


def place(args: argparse.Namespace) -> Intensity | None:
    """What `--intensity`, else `--country` names; None where neither was given.

    Raises:
        ValueError: It is no place, or a series.
    """
    from microjoule import carbon

    if args.intensity is not None:
        return flat(intensity_or_file(args.intensity))
    return None if args.country is None else carbon.intensity(args.country)


def places(text: str) -> list[Intensity | Series]:
    """What a list like `NO,PL,330,series.csv` names: places, figures and files.

    Raises:
        ValueError: One of them is unknown.
    """
    from microjoule import carbon

    named = [word.strip() for word in text.split(",") if word.strip()]
    if not named:
        raise ValueError("--what-if names no place: --what-if NO,PL,US")
    return [
        intensity_or_file(word)
        if isinstance(number_or_name(word), float) or word.casefold().endswith(".csv")
        else carbon.intensity(word)
        for word in named
    ]


class Factors(NamedTuple):
    """What turns joules into a footprint, beside the intensity."""

    pue: float | str
    host_factor: float
    losses: float
    wue_site: float | str | None
    wue_source: float | str | None
    at_wall: bool

    def keywords(self) -> dict[str, Any]:
        """The same as keywords of `microjoule.carbon.footprint`."""
        return self._asdict()


def add_factors(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Adds the factors of a footprint; returns those that are followed by a value."""
    group = parser.add_argument_group("factors of the footprint")
    group.add_argument(
        "--at-wall",
        action="store_true",
        help="the energy is counted at the wall: what would be counted twice is said",
    )
    return [
        group.add_argument(
            "--pue",
            type=number_or_name,
            default=1.0,
            metavar="X",
            help="power usage effectiveness of the building, 1 or more, or a provider such as aws "
            "(default: 1)",
        ),
        group.add_argument(
            "--host-factor",
            type=float,
            default=1.0,
            metavar="X",
            help="energy of the machine over that of its sensors (default: 1)",
        ),
        group.add_argument(
            "--losses",
            type=float,
            default=0.0,
            metavar="X",
            help="share of the electricity lost on its way, such as 0.06 (default: left out)",
        ),
        group.add_argument(
            "--wue",
            type=number_or_name,
            metavar="L",
            help="water the building evaporates, litres per kWh, or a provider such as aws",
        ),
        group.add_argument(
            "--wue-source",
            type=number_or_name,
            metavar="L",
            help="water of the power plants, litres per kWh",
        ),
    ]


def factors(args: argparse.Namespace, *intensities: Intensity | Series) -> Factors:
    """The factors that were given, checked with the intensities they will meet.

    Raises:
        ValueError: One of them is out of its range.
    """
    from microjoule import carbon

    given = Factors(
        args.pue, args.host_factor, args.losses, args.wue, args.wue_source, args.at_wall
    )
    # The footprint of nothing: it refuses what the footprint of the run would refuse.
    for where in intensities:
        flat = where if isinstance(where, carbon.Intensity) else carbon.intensity(0.0)
        carbon.footprint(0.0, intensity=flat, **given.keywords())
    return given


class Made(NamedTuple):
    """What was made for a run, and how much of it the run must carry."""

    parts: tuple[tuple[float, float | str], ...]
    lifetime_years: float | None
    share: float

    def pieces(self, duration_s: float) -> tuple[Embodied, ...]:
        """Its embodied carbon, piece by piece, for the time it was reserved."""
        from microjoule import carbon

        return tuple(
            carbon.embodied(
                what,
                duration_s=duration_s,
                lifetime_years=self.lifetime_years,
                share=self.share,
                count=count,
            )
            for count, what in self.parts
        )


def add_embodied(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Adds `--embodied` and what it needs; all of them are followed by a value."""
    group = parser.add_argument_group("what was made for it (SCI: M = TE · TiR/EL · RR/ToR)")
    return [
        group.add_argument(
            "--embodied",
            metavar="KG",
            help="carbon of making the machine: kg of CO2e, or rows of the table, as many as there "
            "are (server-bloom,8*gpu-bloom)",
        ),
        group.add_argument(
            "--lifetime",
            type=float,
            metavar="YEARS",
            help="years over which it is spread (default: the row's, else 4)",
        ),
        group.add_argument(
            "--share", metavar="X", help="share of the machine that is reserved: 0.125 or 1/8"
        ),
    ]


def embodied(args: argparse.Namespace) -> Made | None:
    """What `--embodied` names; None where it was not given.

    Raises:
        ValueError: A row is unknown, or a figure out of its range.
    """
    if args.embodied is None:
        if args.lifetime is not None or args.share is not None:
            raise ValueError(
                "--lifetime and --share are of what was made: say what, as --embodied KG"
            )
        return None
    words = [word.strip() for word in args.embodied.split(",") if word.strip()]
    if not words:
        raise ValueError("--embodied names nothing: --embodied 1200, or --embodied server-ccf")
    share = 1.0 if args.share is None else _fraction("--share", args.share)
    made = Made(tuple(_counted(word) for word in words), args.lifetime, share)
    made.pieces(0.0)
    return made


def _counted(word: str) -> tuple[float, float | str]:
    """`8*gpu-bloom` is eight of them."""
    count, star, what = word.rpartition("*")
    return _fraction("--embodied", count) if star else 1.0, number_or_name(what.strip())


def _fraction(option: str, text: str) -> float:
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{option}: {text!r} is no number, such as 0.125 or 1/8") from None


def add_comparisons(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Adds `--equivalents`, and what a price needs; returns those followed by a value."""
    group = parser.add_argument_group("what it is like, and what it costs")
    group.add_argument(
        "--equivalents",
        nargs="?",
        const="",
        metavar="KEYS",
        help="what the carbon is like; with --equivalents=car_km_eu,led_hour that",
    )
    return [
        group.add_argument(
            "--price", metavar="X", help="price of a kWh, or a CSV file with prices by time"
        ),
        group.add_argument(
            "--currency", default="EUR", metavar="EUR", help="of the price (default: EUR)"
        ),
    ]


def bare(arguments: list[str], also: Mapping[str, str]) -> list[str]:
    """Arguments in which an option without its optional value says so.

    argparse would take the next argument for the value.
    """
    return [f"{a}={also[a]}" if a in also else a for a in arguments]


def comparisons(text: str | None) -> tuple[str, ...] | None:
    """The keys of `--equivalents`: None where it was not given, empty for the usual two.

    Raises:
        ValueError: A key is unknown.
    """
    if text is None:
        return None
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    from microjoule import carbon

    carbon.equivalents(0.0, energy_j=0.0, keys=keys)
    return keys


def price(text: str | None) -> float | Prices | None:
    """What `--price` names.

    Raises:
        ValueError: It is neither a number nor a file of prices.
    """
    if text is None:
        return None
    from microjoule import carbon

    figure = number_or_name(text)
    if isinstance(figure, float):
        return carbon.cost(0.0, figure).per_kwh
    return carbon.Prices.from_csv(text)
