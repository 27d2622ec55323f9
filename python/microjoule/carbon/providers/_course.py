"""The intensity of a place over a window that has passed, from those who publish it live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from microjoule.carbon._figure import Intensity
from microjoule.carbon._kinds import AXES, checked_axes
from microjoule.carbon._series import Series
from microjoule.carbon._slots import NS, Called
from microjoule.carbon.providers._live import asked_about, live, live_series
from microjoule.carbon.providers._protocol import Provider

# No provider gives averages in shorter slots, and all begin theirs with the half-hour.
_SLOT_S = 1800.0


class Course(Series):
    """A series that is asked for when figures are read, never while measuring.

    Which provider answers, and so of which kind its figures are, is known only then: its own axes
    are ``"unknown"``.

    Args:
        where: as in `microjoule.carbon.live`.
        axes: scope, basis, method and accounting asked for.
        providers: as in `microjoule.carbon.live`.
        environ: as in `microjoule.carbon.live`.
    """

    __slots__ = ("_asked", "_where")

    def __init__(
        self,
        where: str | None,
        axes: tuple[str | None, str | None, str | None, str | None],
        providers: Iterable[Provider | str] | None,
        environ: Mapping[str, str] | None,
    ) -> None:
        asked_about(where, environ)  # an unknown place is an error now, not when the run is over
        known_later = Called(lambda _: None, _SLOT_S, lambda _: "")
        super().__init__(known_later, "live", (None, None, None, None), None, 0.0)
        self._where = where
        self._asked: dict[str, Any] = {
            **checked_axes(**dict(zip(AXES, axes, strict=True))),
            "providers": None if providers is None else tuple(providers),
            "environ": environ,
        }

    def mean(
        self,
        times_ns: Sequence[int],
        energy_j: Sequence[float],
        fallback: Intensity | None = None,
    ) -> Intensity:
        """Return the intensity that an energy met, as `Series.mean` does.

        Args:
            times_ns: as in `Series.mean`.
            energy_j: as in `Series.mean`.
            fallback: for what the provider does not cover; None: its newest figure, else that of
                the tables.
        """
        start_s, end_s = times_ns[0] / NS, times_ns[-1] / NS

        def stands_in() -> Intensity:
            return live(self._where, at=end_s, **self._asked) if fallback is None else fallback

        found = live_series(self._where, start_s, max(end_s, start_s + 1), **self._asked)
        if found.slots:
            return found.series()._mean(times_ns, energy_j, stands_in)
        newest = stands_in()
        # Of two reasons for the table the first is the better one: the second question may not have
        # been asked at all, since a provider that failed is left alone.
        return newest if fallback or newest.rung == "provider" else found.intensity
