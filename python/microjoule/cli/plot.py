"""Pictures for those who would rather look than read, drawn by matplotlib (extra `plot`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from microjoule.metrics import Ranking

_FORMATS: Final = ("svg", "png")
_POINTS: Final = 101


def add_plot(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds `--plot`."""
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help=f"{what} as a picture: a file that ends in .svg or .png (needs the extra plot)",
    )


def check(path: str) -> None:
    """Refuses a picture that cannot be drawn, before anything else is done.

    Raises:
        ValueError: The name has another ending, its folder is missing, or matplotlib is.
    """
    from importlib.util import find_spec

    if path.rpartition(".")[2].casefold() not in _FORMATS:
        raise ValueError(f"--plot {path!r}: pass a file that ends in .svg or .png")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"--plot {path!r}: there is no folder {folder!r}")
    if find_spec("matplotlib") is None:
        raise ValueError("--plot needs matplotlib: pip install 'microjoule[plot]'")


def ranking(path: str, found: Ranking, quality: str) -> None:
    """Draws the Pareto front, and beside it the ratio of every model over α.

    Args:
        path: The file.
        found: What to draw.
        quality: What the quality is called.
    """
    wide = len(found.alphas) > 1
    figure, axes = _figure(2 if wide else 1)
    _front(axes[0], found, quality)
    if wide:
        models = {
            row.model: (max(row.error.value, found.floor), row.energy_j.value) for row in found.rows
        }
        flips = [flip.alpha.value for flip in found.flips]
        _over_alpha(axes[1], models, min(found.alphas), max(found.alphas), flips)
    _save(figure, path)


def crossover(
    path: str,
    models: Mapping[str, tuple[float, float]],
    alphas: tuple[float, float],
    flips: Sequence[float],
) -> None:
    """Draws the ratio of some models over α, with the α at which they change places.

    Args:
        path: The file.
        models: Error and joules per item by name.
        alphas: The smallest and the largest α.
        flips: The α at which two of them change places.
    """
    figure, axes = _figure(1)
    _over_alpha(axes[0], models, *alphas, flips)
    _save(figure, path)


def _figure(panels: int) -> tuple[Any, Any]:
    # The figure alone, not pyplot: no window, no state left behind, no font search at import.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6 * panels, 4.2), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _save(figure: Any, path: str) -> None:
    import warnings

    import matplotlib

    with (
        # The same figures give the same file, byte for byte, and text stays text.
        matplotlib.rc_context({"svg.hashsalt": "microjoule", "svg.fonttype": "none"}),
        warnings.catch_warnings(),
    ):
        # A letter that the font lacks is shown as a box.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(path, metadata={"Date": None} if path.endswith("svg") else None, dpi=150)


def _plain(name: str) -> str:
    """A name as it is: no formula between dollars, and not hidden by a leading underscore."""
    escaped = name.replace("$", r"\$")
    return f"\u200a{escaped}" if name.startswith("_") else escaped


def _front(axes: Any, found: Ranking, quality: str) -> None:
    rows = sorted(found.rows, key=lambda row: row.energy_j.value)
    on = [row for row in rows if row.place.on_front]
    axes.step(
        [row.energy_j.value for row in on],
        [row.place.quality.value for row in on],
        where="post",
        color="tab:green",
        linewidth=1,
    )
    for row in rows:
        color = "tab:green" if row.place.on_front else "tab:gray"
        axes.errorbar(
            row.energy_j.value,
            row.place.quality.value,
            xerr=row.energy_j.uncertainty or None,
            yerr=row.place.quality.uncertainty or None,
            fmt="o",
            color=color,
        )
        axes.annotate(
            _plain(row.model),
            (row.energy_j.value, row.place.quality.value),
            xytext=(5, -11),
            textcoords="offset points",
            fontsize="small",
        )
    if max(r.energy_j.value for r in rows) > 10 * min(r.energy_j.value for r in rows):
        axes.set_xscale("log")
    axes.set_xlabel("energy per item (J)")
    axes.set_ylabel(_plain(quality))
    axes.set_title("Pareto front (green)")


def _over_alpha(
    axes: Any,
    models: Mapping[str, tuple[float, float]],
    low: float,
    high: float,
    flips: Sequence[float],
) -> None:
    alphas = [low + (high - low) * i / (_POINTS - 1) for i in range(_POINTS)]
    for name, (error, energy_j) in models.items():
        axes.plot(alphas, [error**alpha * energy_j for alpha in alphas], label=_plain(name))
    for flip in flips:
        axes.axvline(flip, color="tab:gray", linestyle=":", linewidth=1)
    axes.set_yscale("log")
    axes.set_xlabel("α")
    axes.set_ylabel("M = Error^α × E (J)")
    axes.set_title("Lower is better; dotted: α*")
    axes.legend(fontsize="small")
