"""What papers report of large models, recomputed from their own energy, intensity and PUE."""

from __future__ import annotations

from microjoule.carbon import _tables
from microjoule.config import Frozen

# Papers round to whole tonnes: half of one, or a half per cent.
_ROUNDED_T = 0.5
_ROUNDED_REL = 0.005


class Reported(Frozen):
    """One row of the table.

    Attributes:
        model, stage, hardware: what was trained or developed, and on what.
        energy_mwh, g_per_kwh, pue: as published; None where it is not.
        t_co2e: tonnes of CO2 equivalent as published.
        recomputed_t: energy times intensity, t; None where one of them is missing.
        recomputed_with_pue_t: times the PUE as well, t.
        consistent: whether the published figure follows from the others; None: not to be told.
        reason: why it does not, or cannot be told; empty where it does.
        note: what else the table says.
        year: year of the source.
        source: key of the source.
    """

    __slots__ = (
        "model",
        "stage",
        "hardware",
        "energy_mwh",
        "g_per_kwh",
        "pue",
        "t_co2e",
        "recomputed_t",
        "recomputed_with_pue_t",
        "consistent",
        "reason",
        "note",
        "year",
        "source",
    )
    model: str
    stage: str
    hardware: str
    energy_mwh: float | None
    g_per_kwh: float | None
    pue: float | None
    t_co2e: float
    recomputed_t: float | None
    recomputed_with_pue_t: float | None
    consistent: bool | None
    reason: str
    note: str
    year: int
    source: str

    def __init__(self, row: list[str]) -> None:
        """Recompute a row of the table."""
        model, stage, _, hardware, mwh, grams, pue, tonnes, _, _, year, _, note, source = row
        energy = float(mwh) if mwh else None
        g_per_kwh = float(grams) if grams else None
        factor = float(pue) if pue else None
        plain = None if energy is None or g_per_kwh is None else energy * g_per_kwh / 1e3
        full = None if plain is None or factor is None else plain * factor
        consistent, reason = _judge(float(tonnes), plain, full, factor)
        self._fill(
            model=model,
            stage=stage,
            hardware=hardware,
            energy_mwh=energy,
            g_per_kwh=g_per_kwh,
            pue=factor,
            t_co2e=float(tonnes),
            recomputed_t=plain,
            recomputed_with_pue_t=full,
            consistent=consistent,
            reason=reason,
            note=note,
            year=int(year),
            source=source,
        )


def reported_models() -> list[Reported]:
    """Return the reported models, each recomputed where its row allows."""
    return [Reported(row) for row in _tables.rows(_tables.text("reported_models.csv"))]


def _judge(
    published: float, plain: float | None, full: float | None, pue: float | None
) -> tuple[bool | None, str]:
    if plain is None:
        return None, "no energy and intensity are published: the figure cannot be recomputed"
    if _close(published, plain):
        return True, ""
    if full is not None and pue is not None:
        if _close(published, full):
            return True, ""
        if _close(published, plain / pue):
            return False, (
                f"the energy already has the PUE in it: {plain:.4g} t are {published:g} t times "
                f"{pue:g}, and the PUE must not multiply it again"
            )
    return False, (
        f"energy times intensity is {plain:.4g} t, the table says {published:g} t: one of its "
        "figures is wrong"
    )


def _close(published: float, computed: float) -> bool:
    return abs(published - computed) <= max(_ROUNDED_T, _ROUNDED_REL * computed)
