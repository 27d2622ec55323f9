"""The value: a carbon intensity with everything needed to judge it."""

from __future__ import annotations

from microjoule.config import Frozen

__all__ = ["Intensity", "quadrature"]


class Intensity(Frozen):
    """A carbon intensity with everything needed to judge it.

    Attributes:
        g_per_kwh: grams of CO2 equivalent per kWh at the meter.
        place: ISO 3166-1 alpha-2 code, code of a region or cloud region, ``"WORLD"`` or
            ``"given"``.
        name: English name of the place.
        year: year of the data; None where unknown (an own figure).
        scope: ``"direct"`` (the stack only), ``"lifecycle"`` (fuel chain and construction too) or
            ``"unknown"``. Figures of different scope must not be added or compared.
        basis: ``"production"`` (inside the border), ``"consumption"`` (after imports and exports)
            or ``"unknown"``.
        method: ``"average"`` (all generation), ``"marginal"`` (the plant that follows demand) or
            ``"unknown"``.
        accounting: ``"location"`` (the grid, no contracts), ``"market"`` (contracts),
            ``"residual"`` (what the contracts of others leave) or ``"unknown"``.
        includes_losses: whether transmission and distribution losses are in the figure; None where
            the source does not say.
        source: key of the source in the shipped ``sources.csv``, name of the live provider, or
            ``"given"``.
        source_title: title and publisher of the source.
        licence: licence of the source.
        uncertainty_rel: standard uncertainty (k = 1), relative. Above 0.3 read it as a factor
            ``e**u`` either way.
        uncertainty_parts: what it is made of, ``(reason, relative)`` pairs.
        edition: date on which the shipped tables were compiled; of a live figure the start of its
            hour; of an own figure empty.
        rung: what the figure stands on: ``"given"``, ``"provider"``, ``"cloud region"`` (the
            operator's own figure), ``"grid of the cloud region"``, ``"country of the cloud
            region"``, ``"region"``, ``"country"``, ``"time zone"`` or ``"world mean"``.
        guess: True where nobody named the place.
        note: what else there is to know, a sentence or empty.
    """

    __slots__ = (
        "g_per_kwh",
        "place",
        "name",
        "year",
        "scope",
        "basis",
        "method",
        "accounting",
        "includes_losses",
        "source",
        "source_title",
        "licence",
        "uncertainty_rel",
        "uncertainty_parts",
        "edition",
        "rung",
        "guess",
        "note",
    )
    g_per_kwh: float
    place: str
    name: str
    year: int | None
    scope: str
    basis: str
    method: str
    accounting: str
    includes_losses: bool | None
    source: str
    source_title: str
    licence: str
    uncertainty_rel: float
    uncertainty_parts: tuple[tuple[str, float], ...]
    edition: str
    rung: str
    guess: bool
    note: str

    def __init__(
        self,
        *,
        g_per_kwh: float,
        place: str,
        name: str,
        year: int | None,
        scope: str,
        basis: str,
        method: str,
        accounting: str,
        source: str,
        source_title: str,
        licence: str,
        uncertainty_parts: tuple[tuple[str, float], ...],
        edition: str,
        rung: str,
        includes_losses: bool | None = None,
        guess: bool = False,
        note: str = "",
    ) -> None:
        self._fill(
            g_per_kwh=g_per_kwh,
            place=place,
            name=name,
            year=year,
            scope=scope,
            basis=basis,
            method=method,
            accounting=accounting,
            includes_losses=includes_losses,
            source=source,
            source_title=source_title,
            licence=licence,
            uncertainty_rel=quadrature(uncertainty_parts),
            uncertainty_parts=uncertainty_parts,
            edition=edition,
            rung=rung,
            guess=guess,
            note=note,
        )

    @property
    def kind(self) -> str:
        """The four axes in one line; only figures of one kind may be added or compared."""
        return f"{self.scope}, {self.basis}, {self.method}, {self.accounting}"

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        fields = super().to_dict()
        fields["uncertainty_parts"] = dict(self.uncertainty_parts)
        return fields


def quadrature(parts: tuple[tuple[str, float], ...]) -> float:
    """Add independent relative uncertainties."""
    total: float = sum(u * u for _, u in parts) ** 0.5
    return total
