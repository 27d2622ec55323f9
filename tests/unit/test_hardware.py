"""The CPU of a machine and its TDP, from invented /proc trees; memory and its power."""

import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import hardware
from microjoule.hardware import CpuModel, cpu_model, normalise


def write_cpuinfo(procfs, name, sockets=1, cores=4, threads=2, flags="fpu sse2"):
    """An x86 cpuinfo of that topology."""
    blocks = []
    number = 0
    for socket in range(sockets):
        for core in range(cores):
            for _ in range(threads):
                blocks.append(
                    f"processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: {name}\n"
                    f"physical id\t: {socket}\nsiblings\t: {cores * threads}\n"
                    f"core id\t\t: {core}\ncpu cores\t: {cores}\nflags\t\t: {flags}\n"
                )
                number += 1
    procfs.mkdir(exist_ok=True)
    (procfs / "cpuinfo").write_text("\n".join(blocks) + "\n")


@pytest.fixture
def machine(tmp_path):
    def make(name, **topology):
        write_cpuinfo(tmp_path / "proc", name, **topology)
        return cpu_model(str(tmp_path / "proc"), str(tmp_path / "sys"))

    return make


VIRTUAL = {"flags": "fpu hypervisor sse2"}


class TestNormalise:
    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz", "xeon gold 6148"),
            ("Intel(R) Xeon(R) CPU E5-2650 v4 @ 2.20GHz", "xeon e5-2650 v4"),
            ("Intel(R) Xeon(R) CPU E5-2620 0 @ 2.00GHz", "xeon e5-2620"),
            ("Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", "xeon e3-1240 v2"),
            ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "core i7-1165g7"),
            ("Intel(R) Core(TM)2 Quad CPU    Q6600  @ 2.40GHz", "core 2 quad q6600"),
            ("Intel(R) Core(TM) i5 CPU       M 520  @ 2.40GHz", "core i5-520m"),
            ("Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz", "core i7-920"),
            ("Intel® Core™ i7-8700 Processor", "core i7-8700"),
            ("AMD EPYC 7763 64-Core Processor", "epyc 7763"),
            ("AMD Ryzen 7 5800X 8-Core Processor", "ryzen 7 5800x"),
            ("AMD Ryzen 7 PRO 5850U with Radeon Graphics", "ryzen 7 pro 5850u"),
            ("AMD Ryzen 7 7840HS w/ Radeon 780M Graphics", "ryzen 7 7840hs"),
            ("AMD FX(tm)-8120 Eight-Core Processor", "fx-8120"),
            ("AMD Opteron(tm) Processor 6272", "opteron 6272"),
            ("AMD A10-7850K Radeon R7, 12 Compute Cores 4C+8G", "a10-7850k"),
            ("AMD PRO A10-8770 R7, 10 COMPUTE CORES 4C+6G", "pro a10-8770"),
            ("Raspberry Pi 4 Model B Rev 1.4", "raspberry pi 4"),
            ("", ""),
        ],
    )
    def test_names_as_kernels_have_them(self, name, key):
        assert normalise(name) == key

    @given(st.text(max_size=60))
    def test_a_key_is_its_own_key_or_shorter(self, name):
        assert len(normalise(name)) <= 2 * len(name) + 2


class TestTdp:
    """Only vendors' and Green Algorithms' rows: all of it holds without the compiled file."""

    @pytest.mark.parametrize(
        ("name", "tdp_w", "source"),
        [
            ("Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz", 150, "intel_ark_cc"),
            ("AMD EPYC 7763 64-Core Processor", 280, "amd_spec_cc"),
            ("Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz", 91, "intel_ark_cc"),
            ("AMD Ryzen 9 3900X 12-Core Processor", 105, "amd_spec_cc"),
            ("12th Gen Intel(R) Core(TM) i9-12900K", 125, "ga_tdp"),
        ],
    )
    def test_known_parts(self, machine, name, tdp_w, source):
        found = machine(name)
        assert found.tdp_w == found.tdp_full_w == tdp_w
        assert found.tdp_uncertainty_rel == 0.4
        assert found.source == source
        assert found.licence
        assert found.matched is not None
        assert found.name == name
        assert found.year in (2024, 2025)
        assert not found.virtual
        assert f"{tdp_w} W" in found.note

    def test_two_sockets_draw_twice(self, machine):
        found = machine("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", sockets=2, cores=6)
        assert (found.sockets, found.logical_cpus) == (2, 24)
        assert found.tdp_w == found.tdp_full_w == 170
        assert "2 sockets" in found.note

    def test_another_version_is_another_part(self, machine):
        assert machine("Intel(R) Xeon(R) CPU E5-2650 v4 @ 2.20GHz").tdp_w == 105
        assert machine("Intel(R) Xeon(R) CPU E5-2650 0 @ 2.00GHz").tdp_w == 95
        assert machine("Intel(R) Xeon(R) CPU E5-2650 v9 @ 2.00GHz").matched is None

    def test_marketing_words_make_no_other_part(self, machine):
        assert machine("AMD Ryzen 5 6600HS Creator Edition").matched == "AMD Ryzen 5 6600HS"
        assert machine("Intel(R) Core(TM) i9-9900X CPU @ 3.50GHz").tdp_w == 165
        found = machine("AMD Ryzen 7 3780U with Radeon Graphics")
        assert found.matched == "AMD Ryzen 7 3780U Microsoft Surface Edition"

    @pytest.mark.parametrize(
        "name",
        ["Intel(R) Xeon(R) CPU", "Intel Xeon Processor (Skylake, IBRS)", "AMD EPYC",
         "AMD EPYC-Rome Processor", "QEMU Virtual CPU version 2.5+", "Intel(R) Xeon(R) Gold 61",
         "Xeon", "key", "6148", "EPYC 776", ",,,,", "Intel(R) Xeon(R) Gold 6148Q9"],
    )  # fmt: skip
    def test_never_by_likeness(self, machine, name):
        found = machine(name, cores=4, threads=2)
        assert found.matched is None
        assert found.tdp_w == found.tdp_full_w == 4 * 8.75
        assert found.tdp_uncertainty_rel == 0.6
        assert found.source == "cores_median"
        assert "8.75 W for each of 4 cores" in found.note


class TestVirtualMachine:
    def test_the_share_of_its_threads(self, machine):
        # 8 of the 128 threads of an EPYC 7763: 280 W · 8 / 128.
        found = machine("AMD EPYC 7763 64-Core Processor", cores=4, threads=2, **VIRTUAL)
        assert found.virtual
        assert found.tdp_w == pytest.approx(17.5)
        assert found.tdp_full_w == 280
        assert found.tdp_uncertainty_rel == 0.4
        assert "8 virtual CPUs of its 128 threads" in found.note

    def test_sockets_of_a_guest_are_invented(self, machine):
        topology = {"sockets": 8, "cores": 1, "threads": 1}
        found = machine("AMD EPYC 7763 64-Core Processor", **topology, **VIRTUAL)
        assert found.sockets == 8
        assert found.tdp_w == pytest.approx(17.5)

    def test_threads_that_the_table_lacks_are_assumed_and_said(self, machine):
        # Intel's list has cores only: 20, so 40 threads.
        found = machine("Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz", cores=4, threads=1, **VIRTUAL)
        assert found.tdp_w == pytest.approx(150 * 4 / 40)
        assert "two a core assumed" in found.note

    def test_an_unknown_part_is_half_a_core_each(self, machine):
        found = machine("AMD EPYC", cores=2, threads=1, **VIRTUAL)
        assert found.tdp_w == pytest.approx(2 * 8.75 / 2)
        assert found.tdp_full_w is None
        assert found.tdp_uncertainty_rel == 0.6
        assert "4.375 W for each of 2 virtual CPUs" in found.note


class TestStrangeMachines:
    def test_no_cpuinfo(self, tmp_path):
        found = cpu_model(str(tmp_path / "none"), str(tmp_path / "none"))
        assert found.name == ""
        assert found.logical_cpus == (os.cpu_count() or 1)
        assert found.tdp_w == found.logical_cpus * 8.75
        assert found.sockets == 1
        assert "names no part" in found.note

    def test_an_arm_server_counts_cores_and_asks_sysfs_for_sockets(self, tmp_path):
        proc = tmp_path / "proc"
        proc.mkdir()
        blocks = [f"processor\t: {n}\nCPU implementer\t: 0x41\n" for n in range(4)]
        (proc / "cpuinfo").write_text("\n".join(blocks))
        for n, package in enumerate([0, 0, 36, -1]):
            folder = tmp_path / f"sys/devices/system/cpu/cpu{n}/topology"
            folder.mkdir(parents=True)
            (folder / "physical_package_id").write_text(f"{package}\n")
        (tmp_path / "sys/devices/system/cpu/cpufreq").mkdir()
        found = cpu_model(str(proc), str(tmp_path / "sys"))
        assert (found.logical_cpus, found.sockets) == (4, 2)
        assert found.tdp_w == 35

    def test_a_raspberry_names_its_board(self, tmp_path):
        (tmp_path / "cpuinfo").write_text(
            "processor\t: 0\nBogoMIPS\t: 108\n\nprocessor\t: 1\n\n"
            "Revision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
        )
        found = cpu_model(str(tmp_path), str(tmp_path))
        assert (found.matched, found.tdp_w) == ("Raspberry Pi 4", 6.4)

    @given(st.binary(max_size=300))
    def test_garbage_is_no_error(self, tmp_path_factory, content):
        folder = tmp_path_factory.getbasetemp() / "garbage"
        folder.mkdir(exist_ok=True)
        (folder / "cpuinfo").write_bytes(content)
        (folder / "meminfo").write_bytes(content)
        assert cpu_model(str(folder), str(folder)).tdp_w > 0
        memory = hardware.installed_memory_gb(str(folder))
        assert memory is None or memory >= 0

    def test_everything_works_without_the_compiled_table(self, machine, monkeypatch):
        monkeypatch.setattr(hardware, "_TABLES", ("cpu_tdp.csv", "no_such_file.csv"))
        assert machine("AMD EPYC 7763 64-Core Processor").tdp_w == 280
        assert machine("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz").matched is None

    def test_a_compiled_row_carries_its_licence(self, machine):
        if not os.path.exists(os.path.join(hardware._DATA, "cpu_tdp_compiled.csv")):
            pytest.skip("the compiled table is not here, and need not be")
        found = machine("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz")
        assert found.tdp_w == 300
        assert found.licence == "MIT (compiled file); upstream rights unclear"
        # In a guest its share is unknown, for the table lacks the cores: a guess.
        guest = machine("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", **VIRTUAL)
        assert guest.tdp_w == pytest.approx(8 * 4.375)
        assert (guest.tdp_uncertainty_rel, guest.source) == (0.6, "cores_median")

    def test_this_machine(self):
        found = cpu_model()
        assert isinstance(found, CpuModel)
        assert found.tdp_w > 0
        assert found.to_dict()["note"]


class TestMemory:
    def test_installed_memory(self, tmp_path):
        (tmp_path / "meminfo").write_text("MemTotal:       65536000 kB\nMemFree:  1 kB\n")
        assert hardware.installed_memory_gb(str(tmp_path)) == 62.5

    @pytest.mark.parametrize("text", ["", "MemTotal:\n", "MemTotal: much kB\n"])
    def test_missing_is_missing_not_zero(self, tmp_path, text):
        (tmp_path / "meminfo").write_text(text)
        assert hardware.installed_memory_gb(str(tmp_path)) is None
        assert hardware.installed_memory_gb(str(tmp_path / "none")) is None

    def test_power_by_hand(self):
        assert hardware.dram_model_w(64) == 24  # 8 modules of 8 GB at 3 W
        assert hardware.dram_model_w(256) == 96
        assert hardware.dram_model_w(0) == 0
        assert hardware.DRAM_UNCERTAINTY_REL == 0.6
        licence, year = hardware._source(hardware.DRAM_SOURCE)
        assert (licence, year) == ("MIT", 2026)

    @pytest.mark.parametrize("gb", [-1, math.nan, math.inf])
    def test_impossible_sizes(self, gb):
        with pytest.raises(ValueError, match="pass the installed memory in GB"):
            hardware.dram_model_w(gb)
