"""Requests as Prometheus metrics, through prometheus-client."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from microjoule.meter import Meter
from microjoule.request import Request

__all__ = ["BUCKETS_J", "RequestMetrics"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

BUCKETS_J = tuple(float(f"{10 ** (half / 2):.3g}") for half in range(-6, 9))
"""From 1 mJ to 10 kJ, two to a decade."""

OTHER = "other"


class RequestMetrics:
    """Counts every request of a meter once it has settled.

    ========================================== ========= ==================
    metric                                     type      labels
    ========================================== ========= ==================
    ``microjoule_request_energy_joules``       histogram ``route, outcome``
    ``microjoule_request_uncertainty_joules``  counter   ``route, outcome``
    ``microjoule_request_tokens``              counter   ``route, direction``
    ========================================== ========= ==================

    Its sum and count give joules per request, ``outcome`` what was wasted. Uncertainties are added
    up as if they were fully correlated, so that theirs bounds that of the sum. All of them are
    plain counters of this process: they work in prometheus-client's multiprocess mode as well.

    Args:
        meter: Whose requests.
        registry: Where the metrics are; None: prometheus-client's own.
        route: Makes the route from a request; None: its label. Give a template, like
            ``/users/{id}``, where labels hold what never ends.
        most_routes: So many different routes have a series; later ones are ``other``.
        buckets_j: Upper borders of the histogram in joules.

    Raises:
        ImportError: prometheus-client is not installed.
        ValueError: ``most_routes`` is below 1, or the metrics are in the registry already.

    Source: https://prometheus.io/docs/practices/naming/.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        registry: CollectorRegistry | None = None,
        route: Callable[[Request], str] | None = None,
        most_routes: int = 100,
        buckets_j: Sequence[float] = BUCKETS_J,
    ) -> None:
        """Counts from now on."""
        try:
            from prometheus_client import REGISTRY, Counter, Histogram
        except ImportError:
            raise ImportError(
                "prometheus-client is not installed: pip install 'microjoule[serve]'"
            ) from None
        if most_routes < 1:
            raise ValueError(f"most_routes is {most_routes!r}: pass 1 or more")
        registry = registry or REGISTRY
        self._route = route or _label
        self._most_routes = most_routes
        self._routes: set[str] = set()
        self._energy = Histogram(
            "microjoule_request_energy_joules",
            "Energy of requests",
            ["route", "outcome"],
            buckets=buckets_j,
            registry=registry,
        )
        self._uncertainty = Counter(
            "microjoule_request_uncertainty_joules",
            "Standard uncertainty of the energy of requests, added up",
            ["route", "outcome"],
            registry=registry,
        )
        self._tokens = Counter(
            "microjoule_request_tokens",
            "Tokens that requests read and wrote",
            ["route", "direction"],
            registry=registry,
        )
        meter.on_settled(self._count)

    def _count(self, r: Request) -> None:
        route = self._bounded(self._route(r))
        self._energy.labels(route, r.outcome).observe(r.energy_j)
        self._uncertainty.labels(route, r.outcome).inc(r.uncertainty_j)
        for direction, count in (("input", r.input_tokens), ("output", r.output_tokens)):
            if count is not None:
                self._tokens.labels(route, direction).inc(count)

    def _bounded(self, route: str) -> str:
        if route not in self._routes:
            if len(self._routes) >= self._most_routes:
                return OTHER
            self._routes.add(route)
        return route


def _label(r: Request) -> str:
    return r.label or "none"
