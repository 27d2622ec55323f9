"""The layouts as plain files."""

from __future__ import annotations

import os

import pytest

from sim.loads import NS, Constant
from sim.plain import FakeProc, PlainTree
from sim.zones import Zone


def test_a_plain_tree_shows_what_it_is_told() -> None:
    zones = [
        Zone("package-0", Constant(100), start_uj=7, update_s=0.0, jitter_s=0.0),
        Zone("dram", Constant(5), parent="package-0", max_range_uj=1_000_000),
    ]
    with PlainTree(zones) as tree:
        package = tree.root / "class/powercap/intel-rapl:0"
        assert tree.environ["MICROJOULE_SYSFS"] == str(tree.root)
        assert (package / "name").read_text() == "package-0\n"
        assert (package / "max_energy_range_uj").read_text() == "262143328850\n"
        held = os.open(tree.path("package-0"), os.O_RDONLY)
        assert os.pread(held, 64, 0) == b"7\n"
        tree.set("package-0", 12345)
        assert os.pread(held, 64, 0) == b"12345\n"
        tree.set("package-0", 9)
        assert os.pread(held, 64, 0) == b"9\n"
        tree.advance_to(tree.epoch_ns + NS)
        assert int(os.pread(held, 64, 0)) == pytest.approx(100e6, abs=62)
        os.close(held)
        assert tree.advance("dram", 0.25) in range(0, 1_000_001)
        tree.set("dram", 999_999)
        assert tree.advance("dram", 0.5) == 499_998
    assert not tree.root.exists()


def test_a_linked_tree_is_laid_out_as_the_kernel_s() -> None:
    zones = [
        Zone("package-0", Constant(100), start_uj=7),
        Zone("dram", Constant(5), parent="package-0"),
    ]
    with PlainTree(zones, layout="linked") as tree:
        powercap = tree.root / "class/powercap"
        device = tree.root / "devices/virtual/powercap/intel-rapl"
        assert sorted(path.name for path in powercap.iterdir()) == [
            "intel-rapl",
            "intel-rapl:0",
            "intel-rapl:0:0",
        ]
        assert (powercap / "intel-rapl").resolve() == device
        assert (powercap / "intel-rapl/subsystem").resolve() == powercap
        assert (powercap / "intel-rapl:0:0").resolve() == device / "intel-rapl:0/intel-rapl:0:0"
        assert tree.path("package-0") == device / "intel-rapl:0/energy_uj"
        tree.set("package-0", 12345)
        assert (powercap / "intel-rapl:0/energy_uj").read_text() == "12345\n"


def test_a_fake_proc_counts_ticks() -> None:
    with FakeProc(cpus=4, model="AMD EPYC 7763", memory_gib=8, hypervisor=True) as proc:
        assert proc.environ == {"MICROJOULE_PROCFS": str(proc.root)}
        cpuinfo = (proc.root / "cpuinfo").read_text()
        assert cpuinfo.count("processor") == 4
        assert "AuthenticAMD" in cpuinfo
        assert "hypervisor" in cpuinfo
        assert "MemTotal:       8388608 kB\n" in (proc.root / "meminfo").read_text()

        def ticks() -> list[int]:
            line = (proc.root / "stat").read_text().splitlines()[0]
            return [int(word) for word in line.split()[1:]]

        before = ticks()
        proc.advance(2.0, busy=0.25)
        after = ticks()
        assert after[0] - before[0] == 200
        assert after[3] - before[3] == 600
        proc.set_busy(10.0)
        assert ticks()[0] == 1000
    assert not proc.root.exists()


def test_texts_are_written_as_given() -> None:
    with FakeProc(stat="cpu garbage\n", cpuinfo="", meminfo="MemTotal: none\n") as proc:
        assert (proc.root / "stat").read_text() == "cpu garbage\n"
        assert (proc.root / "cpuinfo").read_text() == ""
        assert (proc.root / "meminfo").read_text() == "MemTotal: none\n"
