"""Requests as Prometheus metrics: sums that are the requests', and labels that stay few."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import microjoule as uj
from microjoule.export.prometheus import BUCKETS_J, RequestMetrics

ENERGY = "microjoule_request_energy_joules"


def run(meter: uj.Meter, label: str, outcome: str = "completed") -> uj.Request:
    with meter.request(label) as r:
        r.tokens(input=3, output=2)
        r.mark(outcome)
        until = r.duration_s + 0.01
        while r.duration_s < until:
            pass
    return r


def test_the_sums_are_those_of_the_requests(meter: uj.Meter) -> None:
    registry = CollectorRegistry()
    RequestMetrics(meter, registry=registry)
    done = [run(meter, "chat") for _ in range(5)] + [run(meter, "chat", "failed")]
    meter.close()  # hands over what is left

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"route": "chat", **labels})

    good = done[:5]
    assert value(f"{ENERGY}_count", outcome="completed") == 5
    assert value(f"{ENERGY}_sum", outcome="completed") == pytest.approx(
        math.fsum(r.energy_j for r in good), rel=1e-12
    )
    assert value(f"{ENERGY}_sum", outcome="failed") == done[5].wasted_j > 0
    assert value(
        "microjoule_request_uncertainty_joules_total", outcome="completed"
    ) == pytest.approx(math.fsum(r.uncertainty_j for r in good), rel=1e-12)
    assert value("microjoule_request_tokens_total", direction="output") == 12
    assert value("microjoule_request_tokens_total", direction="input") == 18


def test_routes_are_bounded(meter: uj.Meter) -> None:
    registry = CollectorRegistry()
    RequestMetrics(meter, registry=registry, most_routes=2)
    for n in range(5):
        run(meter, f"user {n}")
    meter.close()
    text = generate_latest(registry).decode()
    assert f'{ENERGY}_count{{outcome="completed",route="other"}} 3.0' in text
    assert text.count(f"{ENERGY}_count{{") == 3


def test_a_route_may_be_made_from_the_request(meter: uj.Meter) -> None:
    registry = CollectorRegistry()
    RequestMetrics(meter, registry=registry, route=lambda r: (r.label or "").partition(" ")[0])
    for n in range(3):
        run(meter, f"user {n}")
    meter.close()
    labels = {"route": "user", "outcome": "completed"}
    assert registry.get_sample_value(f"{ENERGY}_count", labels) == 3


def test_the_borders_go_from_a_millijoule_to_ten_kilojoules() -> None:
    assert BUCKETS_J[0] == 0.001
    assert BUCKETS_J[-1] == 10_000
    assert len(BUCKETS_J) == 15


def test_what_cannot_be_counted_is_said(meter: uj.Meter) -> None:
    registry = CollectorRegistry()
    with pytest.raises(ValueError, match="most_routes is 0"):
        RequestMetrics(meter, registry=registry, most_routes=0)
    RequestMetrics(meter, registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        RequestMetrics(meter, registry=registry)
