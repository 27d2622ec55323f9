"""`uj estimate flops --params 175e9 --tokens 300e9`: the operations that a model's size implies."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from microjoule.cli import DONE, arguments
from microjoule.cli.columns import told
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import plain

if TYPE_CHECKING:
    from microjoule.metrics import Value

_PF_DAY: Final = 1e15 * 86_400
_HARDWARE: Final = ("devices", "hours", "peak", "utilisation")


def main(argv: list[str]) -> int:
    """Runs `estimate flops`.

    Args:
        argv: The arguments after it.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    try:
        rule, compute = _compute(args)
    except ValueError as error:
        parser.error(str(error))
    days = compute.value / _PF_DAY
    if args.json:
        fields: dict[str, Any] = {
            "quality": "estimated",
            "compute": compute.to_dict(),
            "rule": rule,
            "petaflop_s_days": days,
        }
        sys.stdout.write(json_line(fields) + "\n")
        return DONE
    figure = f"{plain(compute.value, args.precision)} FLOP"
    if compute.uncertainty:
        figure += f" ± {plain(compute.uncertainty, 2)} (k=1)"
    rows = [
        ("compute", figure),
        ("", f"{_grouped(days, args.precision)} petaFLOP/s-days"),
        ("rule", rule),
        ("quality", "estimated: computed from figures that were given, nothing was counted"),
        ("", "resource indicator: it says nothing of hardware, energy or carbon"),
    ]
    sys.stdout.write("\n".join([*told(rows), ""]))
    return DONE


def _compute(args: argparse.Namespace) -> tuple[str, Value]:
    """The rule in words, and what it gives."""
    from microjoule import metrics

    hardware = {name: getattr(args, name) for name in _HARDWARE}
    if any(value is not None for value in hardware.values()):
        return _from_hardware(args, hardware)
    if args.params is None or args.tokens is None:
        raise ValueError("pass --params and --tokens, or --devices, --hours, --peak, --utilisation")
    parameters = metrics.value_of(args.params, "--params")
    tokens = metrics.value_of(args.tokens, "--tokens")
    if args.inference:
        rule = "2 N D: two operations a parameter and token"
        return rule, metrics.inference_compute(parameters, tokens)
    rule = "6 N D: two operations forward and four backward a parameter and token"
    return rule, metrics.training_compute(parameters, tokens)


def _from_hardware(args: argparse.Namespace, given: dict[str, str | None]) -> tuple[str, Value]:
    from microjoule import metrics

    missing = [f"--{name}" for name, value in given.items() if value is None]
    if missing:
        raise ValueError(f"compute from hardware needs {', '.join(missing)} as well")
    if args.params is not None or args.tokens is not None or args.inference:
        raise ValueError("pass the model's size or its hardware, not both: they are two estimates")
    devices, hours, peak, share = (metrics.value_of(given[n], f"--{n}") for n in _HARDWARE)
    seconds = metrics.Value(hours.value * 3600, hours.uncertainty * 3600, "s")
    rule = "devices · time · peak · utilisation"
    return rule, metrics.hardware_compute(devices, seconds, peak, share)


def _grouped(value: float, digits: int) -> str:
    """Numbers of days are read whole: 3 646, not 3.65e+03."""
    return f"{value:,.0f}".replace(",", " ") if value >= 1000 else plain(value, digits)


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "estimate flops",
        "--params N --tokens D [OPTION …]",
        "Operations from a model's size and its tokens, or from the hardware that trained it.",
        "A figure may carry its standard uncertainty: 175e9±5%.",
    )
    size = parser.add_argument_group("from the size (dense transformers)")
    size.add_argument(
        "--params", metavar="N", help="parameters; of a mixture of experts the active ones"
    )
    size.add_argument("--tokens", metavar="D", help="training tokens; with --inference all tokens")
    size.add_argument(
        "--inference", action="store_true", help="of inference: 2 N D in place of 6 N D"
    )
    hardware = parser.add_argument_group("from the hardware")
    hardware.add_argument("--devices", metavar="X", help="how many devices")
    hardware.add_argument("--hours", metavar="X", help="how long they worked")
    hardware.add_argument("--peak", metavar="X", help="peak of one device in FLOP/s: 312e12")
    hardware.add_argument(
        "--utilisation", metavar="X", help="share of the peak that was reached; 0.3 to 0.5 is usual"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser)
    return parser
