"""What operators say of their buildings: PUE and WUE by provider, from the shipped tables."""

from __future__ import annotations

from microjoule.carbon import _tables
from microjoule.config import Frozen

# From strong to weak: a figure of the site itself, of its operator, of a survey, of a tool.
_KINDS = ("site", "operator", "on site", "at source", "survey", "design", "tool default")


class Factor(Frozen):
    """A published factor.

    Attributes:
        value: the factor.
        uncertainty_rel: standard uncertainty (k = 1), relative.
        name: whose it is.
        year: year of the figure.
        source: key of the source in the shipped ``sources.csv``.
    """

    __slots__ = ("name", "source", "uncertainty_rel", "value", "year")
    value: float
    uncertainty_rel: float
    name: str
    year: int
    source: str

    def __init__(
        self, *, value: float, uncertainty_rel: float, name: str, year: int, source: str
    ) -> None:
        self._fill(
            value=value, uncertainty_rel=uncertainty_rel, name=name, year=year, source=source
        )


def pue_of(provider: str) -> Factor:
    """Return the newest PUE that an operator, else a survey, else a tool gives for a provider.

    Args:
        provider: such as ``"aws"``, ``"gcp"``, ``"azure"``, ``"on-premise"``; case does not matter.

    Raises:
        ValueError: the table has no such provider; the message names those it has.
    """
    return _newest("pue.csv", provider, None, "pue", "a PUE of 1 or more such as 1.2")


def pue_default(provider: str, tool: str) -> Factor:
    """Return the PUE that another tool takes for a provider where it knows none better.

    Args:
        provider: such as ``"aws"``; ``"unknown"`` where there is none.
        tool: such as ``"Green Algorithms"``.

    Raises:
        ValueError: the tool has none for it; the message names those it has.
    """
    named = [
        row
        for row in _tables.rows(_tables.text("pue.csv"))
        if row[1] == _KINDS[-1] and row[2].startswith(f"{tool} default")
    ]
    for row in named:
        if row[0] == provider.strip().casefold():
            return _factor(row)
    keys = ", ".join(row[0] for row in named)
    raise ValueError(f"{tool} has no PUE for {provider!r}: pass a PUE, or one of {keys}")


def wue_of(provider: str, kind: str = "on site") -> Factor:
    """Return the newest WUE of a provider, litres per kWh.

    Args:
        provider: such as ``"aws"``.
        kind: ``"on site"`` (evaporated by the building, per IT kWh) or ``"at source"`` (by the
            power plants, per kWh of electricity).

    Raises:
        ValueError: as `pue_of`.
    """
    return _newest("wue.csv", provider, kind, f"WUE {kind}", "litres per kWh such as 0.18")


def _newest(table: str, provider: str, kind: str | None, name: str, sentence: str) -> Factor:
    wanted = provider.strip().casefold()
    known = set()
    best: tuple[tuple[int, bool, int], list[str]] | None = None
    for row in _tables.rows(_tables.text(table)):
        if kind is not None and row[1] != kind:
            continue
        known.add(row[0])
        if row[0].casefold() == wanted:
            rank = (-_KINDS.index(row[1]), row[7] != "M", int(row[6]))
            if best is None or rank > best[0]:
                best = rank, row
    if best is None:
        raise ValueError(
            f"{name} is {provider!r}: pass {sentence}, or one of {', '.join(sorted(known))}"
        )
    return _factor(best[1])


def _factor(row: list[str]) -> Factor:
    """What a row of either table says."""
    _, _, name, _, value, u_rel, year, _, _, source = row
    return Factor(
        value=float(value), uncertainty_rel=float(u_rel), name=name, year=int(year), source=source
    )
