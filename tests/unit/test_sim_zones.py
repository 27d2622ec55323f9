"""Where simulated zones appear in the tree, and what tests call them."""

from __future__ import annotations

import pytest

from sim.loads import Constant
from sim.zones import Zone, place

LOAD = Constant(1)


def test_zones_are_numbered_among_their_siblings() -> None:
    placed = place(
        [
            Zone("package-0", LOAD),
            Zone("package-1", LOAD),
            Zone("core", LOAD, parent="package-0"),
            Zone("dram", LOAD, parent="package-0"),
            Zone("dram", LOAD, parent="package-1"),
            Zone("psys", LOAD),
            Zone("package-0", LOAD, control_type="intel-rapl-mmio"),
        ]
    )
    assert {zone.key: zone.directory for zone in placed} == {
        "package-0": "intel-rapl:0",
        "package-1": "intel-rapl:1",
        "core": "intel-rapl:0:0",
        "package-0/dram": "intel-rapl:0:1",
        "package-1/dram": "intel-rapl:1:0",
        "psys": "intel-rapl:2",
        "intel-rapl-mmio/package-0": "intel-rapl-mmio:0",
    }
    assert placed[3].device == "devices/virtual/powercap/intel-rapl/intel-rapl:0/intel-rapl:0:1"


def test_a_number_that_was_given_is_left_to_its_zone() -> None:
    placed = place([Zone("package-0", LOAD), Zone("psys", LOAD, index=0), Zone("x", LOAD)])
    assert [zone.directory for zone in placed] == ["intel-rapl:1", "intel-rapl:0", "intel-rapl:2"]


def test_a_key_that_was_given_is_used() -> None:
    placed = place([Zone("package-0", LOAD, key="a"), Zone("dram", LOAD, parent="a", key="b")])
    assert [zone.key for zone in placed] == ["a", "b"]
    assert placed[1].ancestors == ("intel-rapl:0",)


@pytest.mark.parametrize(
    ("zones", "complaint"),
    [
        ([Zone("dram", LOAD, parent="package-0")], "'dram' is part of 'package-0'"),
        ([Zone("a", LOAD, index=1), Zone("b", LOAD, index=1)], "both be intel-rapl:1"),
        ([Zone("a", LOAD), Zone("a", LOAD)], "both be called 'a'"),
    ],
)
def test_impossible_trees_are_refused(zones: list[Zone], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        place(zones)
