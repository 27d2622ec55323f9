"""The simulated sensors themselves: what a plain reader of the mounted files sees."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.bed import (
    BedFactory,
    Energy,
    Hwmon,
    Msr,
    Power,
    PowercapBed,
    Proc,
    Register,
    Sensor,
    Zone,
)
from sim.loads import NS, Constant, Llm, Load, Sine, Square, Steps, Telegraph
from sim.server import SimServer, remove_leftovers, stale_mounts

pytestmark = pytest.mark.bed

LOADS = {
    "constant": Constant(80),
    "sine": Sine(100, 60, period_s=0.013),
    "square": Square(40, 160, period_s=0.037),
    "telegraph": Telegraph(30, 150, low_s=0.02, high_s=0.01, table_s=60.0),
    "llm": Llm(),
    "llm, drawn": Llm(seed=7),
    "steps": Steps([(0.01, 10), (0.02, 200), (0.05, 0)]),
}


class Reader:
    """A file held open and read as the product does, each value between two stamps."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def text(self) -> str:
        return os.pread(self.descriptor, 64, 0).decode()

    def value(self) -> tuple[int, int, int]:
        before_ns = time.monotonic_ns()
        text = self.text()
        return before_ns, int(text), time.monotonic_ns()

    def close(self) -> None:
        os.close(self.descriptor)


@pytest.fixture
def reader(bed: PowercapBed) -> Iterator[Reader]:
    held = Reader(energy_file(bed, "package-0"))
    yield held
    held.close()


def energy_file(bed: PowercapBed, key: str) -> Path:
    """Found as the product must find it: by the name in the file, not by the directory's."""
    for folder in (bed.root / "class/powercap").iterdir():
        name = folder / "name"
        if name.exists() and name.read_text() == f"{key}\n":
            return folder / "energy_uj"
    raise FileNotFoundError(key)


def assert_shows_truth(zone: Sensor, held: Reader, reads: int = 400) -> None:
    """Every read lies between what the mirror says of the instants before and after it."""
    for _ in range(reads):
        before_ns, value, after_ns = held.value()
        assert zone.counter_uj(before_ns) <= value <= zone.counter_uj(after_ns)


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS.keys())
def test_counter_is_the_quantised_closed_form_at_the_last_update(
    bed_factory: BedFactory, load: Load
) -> None:
    bed = bed_factory([Zone("package-0", load)])
    held = Reader(energy_file(bed, "package-0"))
    assert_shows_truth(bed["package-0"], held)
    held.close()


def test_new_values_appear_at_the_update_times_and_only_there(
    bed: PowercapBed, reader: Reader
) -> None:
    zone = bed["package-0"]
    samples = []
    end_ns = time.monotonic_ns() + NS // 5
    while time.monotonic_ns() < end_ns:
        samples.append(reader.value())
    changes = 0
    for (before_ns, old, _), (_, new, after_ns) in itertools.pairwise(samples):
        updates = zone.update_times(before_ns, after_ns)
        if old != new:
            changes += 1
            assert len(updates) > 0
    assert changes > 20
    first_ns, last_ns = samples[0][0], samples[-1][2]
    assert np.abs(np.diff(zone.update_times(first_ns, last_ns)) - 1e6).max() <= 40_000


def test_without_a_period_every_read_is_an_update(bed_factory: BedFactory) -> None:
    bed = bed_factory([Zone("package-0", Constant(1000), update_s=0, jitter_s=0, unit_uj=1)])
    held = Reader(energy_file(bed, "package-0"))
    values = [held.value()[1] for _ in range(100)]
    held.close()
    assert len(set(values)) == 100


def test_lost_updates_never_appear(bed_factory: BedFactory) -> None:
    bed = bed_factory([Zone("package-0", Constant(100), lost=0.4)])
    zone = bed["package-0"]
    held = Reader(energy_file(bed, "package-0"))
    assert_shows_truth(zone, held)
    held.close()
    start_ns = bed.epoch_ns + NS
    assert 540 < len(zone.update_times(start_ns, start_ns + NS)) < 660


def test_wrap_of_the_true_range(bed_factory: BedFactory) -> None:
    limit_uj = 262_143_328_850
    start_uj = limit_uj - 200_000_000  # 200 J before the wrap, for which 500 W take 0.4 s
    bed = bed_factory([Zone("package-0", Constant(500), start_uj=start_uj)])
    zone = bed["package-0"]
    held = Reader(energy_file(bed, "package-0"))
    values: list[int] = []
    while not values or values[-1] >= start_uj:
        before_ns, value, after_ns = held.value()
        values.append(value)
        if zone.counter_uj(before_ns) <= zone.counter_uj(after_ns):
            assert zone.counter_uj(before_ns) <= value <= zone.counter_uj(after_ns)
    held.close()
    assert start_uj <= max(values) <= limit_uj
    drawn_j = zone.energy_j(bed.epoch_ns, before_ns)
    assert (value + limit_uj - start_uj) * 1e-6 == pytest.approx(drawn_j, abs=1.0)


def test_many_wraps_of_a_short_range_lose_nothing(bed_factory: BedFactory) -> None:
    limit_uj = 1_000_000
    bed = bed_factory([Zone("package-0", Constant(200), max_range_uj=limit_uj)])
    held = Reader(energy_file(bed, "package-0"))
    modulus_j = limit_uj * 2**32 / (2**32 - 1) * 1e-6
    turns = 0
    while turns < 20:
        before_ns, value, after_ns = held.value()
        assert 0 <= value <= limit_uj
        if after_ns - before_ns > 2_000_000:
            continue  # held up for so long that the number of turns is not known
        least_j, most_j = (
            bed["package-0"].energy_j(bed.epoch_ns, t_ns) for t_ns in (before_ns, after_ns)
        )
        turns = int((most_j - value * 1e-6) // modulus_j)
        assert least_j - 0.21 <= turns * modulus_j + value * 1e-6 <= most_j  # an update is 0.2 J
    held.close()


@pytest.mark.parametrize("layout", ["linked", "flat"])
def test_layout_is_the_kernels(bed_factory: BedFactory, layout: str) -> None:
    bed = bed_factory(
        [
            Zone("package-0", Constant(50), constraints={"long_term": 85, "short_term": 120}),
            Zone("core", Constant(30), parent="package-0"),
            Zone("dram", Constant(5), parent="package-0", unit_uj=15.3),
            Zone("psys", Constant(90), index=3),
            Zone("package-0", Constant(50), control_type="intel-rapl-mmio"),
        ],
        layout=layout,
    )
    powercap = bed.root / "class/powercap"
    assert {path.name for path in powercap.iterdir()} == {
        "intel-rapl",
        "intel-rapl:0",
        "intel-rapl:0:0",
        "intel-rapl:0:1",
        "intel-rapl:3",
        "intel-rapl-mmio",
        "intel-rapl-mmio:0",
    }
    package = powercap / "intel-rapl:0"
    assert package.is_symlink() == (layout == "linked")
    assert (package / "name").read_text() == "package-0\n"
    assert (package / "max_energy_range_uj").read_text() == "262143328850\n"
    assert (package / "enabled").read_text() == "1\n"
    assert (package / "constraint_1_name").read_text() == "short_term\n"
    assert (package / "constraint_1_power_limit_uw").read_text() == "120000000\n"
    assert (powercap / "intel-rapl:0:1/name").read_text() == "dram\n"
    assert (powercap / "intel-rapl:3/name").read_text() == "psys\n"
    assert os.stat(package / "energy_uj").st_mode & 0o777 == 0o400
    assert set(bed.reads()) == {"package-0", "core", "dram", "psys", "intel-rapl-mmio/package-0"}


@pytest.mark.parametrize("error", ["EIO", "ENODEV", "ENODATA"])
def test_reads_fail_for_a_while(bed: PowercapBed, reader: Reader, error: str) -> None:
    zone = bed["package-0"]
    zone.fail(error, seconds=0.2)
    with pytest.raises(OSError) as caught:
        reader.text()
    assert caught.value.errno == getattr(errno, error)
    time.sleep(0.2)
    assert_shows_truth(zone, reader, reads=20)


def test_a_number_of_reads_fails(bed: PowercapBed, reader: Reader) -> None:
    bed["package-0"].fail("EIO", reads=2)
    for _ in range(2):
        with pytest.raises(OSError):
            reader.text()
    assert int(reader.text()) > 0


def test_a_fault_can_begin_later(bed: PowercapBed, reader: Reader) -> None:
    bed["package-0"].fail("EIO", after_s=0.2)
    assert int(reader.text()) >= 0
    time.sleep(0.2)
    with pytest.raises(OSError):
        reader.text()


def test_permission_is_refused_even_to_root(bed: PowercapBed, reader: Reader) -> None:
    zone = bed["package-0"]
    path = energy_file(bed, "package-0")
    zone.fail("EACCES")
    with pytest.raises(PermissionError):
        reader.text()
    with pytest.raises(PermissionError):
        path.read_text()
    assert not os.access(path, os.R_OK)
    assert (path.parent / "name").read_text() == "package-0\n"
    zone.restore()
    assert os.access(path, os.R_OK)
    assert int(path.read_text()) > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_energy_is_for_root_alone(bed: PowercapBed) -> None:
    path = energy_file(bed, "package-0")
    for file, status in ((path, 1), (path.parent / "name", 0)):
        result = subprocess.run(["cat", file], user=65534, capture_output=True, check=False)
        assert result.returncode == status


@pytest.mark.parametrize("text", ["garbage\n", "", "-5\n", "12 34\n", "\x00\xff\n", "9" * 40])
def test_any_text_can_be_read(bed: PowercapBed, reader: Reader, text: str) -> None:
    zone = bed["package-0"]
    zone.say(text)
    assert os.pread(reader.descriptor, 64, 0) == text.encode()
    zone.restore()
    assert int(reader.text()) > 0


def test_other_files_of_a_zone_can_fail(bed: PowercapBed, reader: Reader) -> None:
    zone = bed["package-0"]
    limit = energy_file(bed, "package-0").parent / "max_energy_range_uj"
    zone.say("0\n", file="max_energy_range_uj")
    assert limit.read_text() == "0\n"
    assert int(reader.text()) > 0
    zone.restore()
    assert limit.read_text() == "262143328850\n"
    assert zone.reads("max_energy_range_uj") == 2


def test_a_vanished_zone_is_gone_and_what_was_open_stays_dead(
    bed: PowercapBed, reader: Reader
) -> None:
    zone = bed["package-0"]
    path = energy_file(bed, "package-0")
    part = energy_file(bed, "dram")
    zone.vanish()
    assert not path.exists()
    assert not part.exists()
    assert {entry.name for entry in (bed.root / "class/powercap").iterdir()} == {"intel-rapl"}
    with pytest.raises(OSError) as caught:
        reader.text()
    assert caught.value.errno == errno.ENODEV

    zone.restore()
    with pytest.raises(OSError) as caught:
        reader.text()
    assert caught.value.errno == errno.ENODEV
    again = Reader(path)
    assert_shows_truth(zone, again, reads=20)
    again.close()
    assert part.exists()


def test_a_frozen_counter_keeps_its_value_then_catches_up(bed: PowercapBed, reader: Reader) -> None:
    zone = bed["package-0"]
    from_ns = zone.freeze(seconds=0.2)
    frozen = int(reader.text())
    assert frozen == zone.counter_uj(from_ns)
    time.sleep(0.02)
    assert int(reader.text()) == frozen
    time.sleep(0.18)
    assert_shows_truth(zone, reader, reads=20)


def test_a_frozen_counter_can_be_thawed(bed: PowercapBed, reader: Reader) -> None:
    zone = bed["package-0"]
    zone.freeze()
    frozen = int(reader.text())
    time.sleep(0.01)
    assert int(reader.text()) == frozen
    zone.restore()
    assert int(reader.text()) > frozen


def test_a_reset_counter_starts_from_zero(bed: PowercapBed, reader: Reader) -> None:
    zone = bed["package-0"]
    time.sleep(0.02)
    at_ns = zone.reset()
    time.sleep(0.02)
    before_ns, value, after_ns = reader.value()
    update_j = 160 * 1.1e-3
    assert zone.energy_j(at_ns, before_ns) - update_j <= value * 1e-6
    assert value * 1e-6 <= zone.energy_j(at_ns, after_ns)


def test_a_slow_read_takes_its_value_in_the_middle(bed: PowercapBed, reader: Reader) -> None:
    zone = bed["package-0"]
    zone.delay(0.1, reads=1)
    before_ns, value, after_ns = reader.value()
    assert after_ns - before_ns >= NS // 10
    assert zone.counter_uj(before_ns + NS // 25) <= value <= zone.counter_uj(after_ns - NS // 25)
    before_ns, _, after_ns = reader.value()
    assert after_ns - before_ns < NS // 10


def test_reads_are_counted_by_zone(bed: PowercapBed, reader: Reader) -> None:
    for _ in range(17):
        reader.text()
    energy_file(bed, "dram").read_text()
    assert bed.reads() == {"package-0": 17, "dram": 1}
    assert bed["package-0"].reads() == 17


def test_a_wrong_command_is_refused_in_a_sentence(bed: PowercapBed) -> None:
    with pytest.raises(ValueError, match="unknown error 'EWHAT'"):
        bed["package-0"].fail("EWHAT")
    with pytest.raises(ValueError, match="there is no 'sys/nowhere'"):
        bed.server.control("vanish sys/nowhere")
    with pytest.raises(ValueError, match="unknown command 'tickle'"):
        bed.server.control(f"tickle {bed['package-0'].path}")
    with pytest.raises(KeyError, match="no zone 'package-9', only package-0, dram"):
        bed["package-9"]


def test_hwmon_counters_and_gauges(bed_factory: BedFactory) -> None:
    load = Square(100, 300, period_s=0.02)
    bed = bed_factory(
        [],
        hwmon=[
            Hwmon(
                "acpi_power_meter",
                {
                    "power1_average": Power(load, window_s=0.05, update_s=0.05),
                    "power1_oem_info": "Module Power Socket 0\n",
                },
            ),
            Hwmon("xe", {"energy1_input": Energy(load), "energy1_label": "pkg\n"}, index=4),
        ],
    )
    hwmon = bed.root / "class/hwmon"
    assert (hwmon / "hwmon0/name").read_text() == "acpi_power_meter\n"
    assert (hwmon / "hwmon0/power1_oem_info").read_text() == "Module Power Socket 0\n"
    assert (hwmon / "hwmon4/energy1_label").read_text() == "pkg\n"
    time.sleep(0.12)
    watts = int((hwmon / "hwmon0/power1_average").read_text()) * 1e-6
    source = bed.sensor("hwmon0/power1_average").publisher
    at_ns = source.last_update(time.monotonic_ns())
    assert watts == pytest.approx(
        (source.energy_j(at_ns) - source.energy_j(at_ns - NS // 20)) / 0.05, abs=1e-5
    )
    counter = bed.sensor("hwmon4/energy1_input")
    before_ns = time.monotonic_ns()
    value = int((hwmon / "hwmon4/energy1_input").read_text())
    assert counter.counter_uj(before_ns) <= value <= counter.counter_uj(time.monotonic_ns())
    counter.vanish()
    assert [folder.name for folder in hwmon.iterdir()] == ["hwmon0"]
    counter.restore()
    assert (hwmon / "hwmon4/name").read_text() == "xe\n"


def test_an_msr_is_read_at_the_address_of_the_register(bed_factory: BedFactory) -> None:
    register = Register(Constant(100), esu=16, start_units=2**32 - 1000)
    units = 0x000A_1003
    bed = bed_factory(
        [],
        msr=[
            Msr(cpu, {0xC001_0299: units, 0xC001_029B: register, 0x611: register}) for cpu in (0, 1)
        ],
    )
    descriptors = [os.open(bed.mount / f"dev/cpu/{cpu}/msr", os.O_RDONLY) for cpu in (0, 1)]
    first = descriptors[0]
    assert struct.unpack("Q", os.pread(first, 8, 0xC001_0299)) == (units,)
    time.sleep(0.01)
    source = bed.sensor("msr0/0xc001029b")
    for descriptor in descriptors:
        before_ns = time.monotonic_ns()
        (value,) = struct.unpack("Q", os.pread(descriptor, 8, 0xC001_029B))
        low, high = source.register_value(before_ns), source.register_value(time.monotonic_ns())
        assert low <= value <= high or low > high  # it wraps once, soon after the start
    with pytest.raises(OSError) as caught:
        os.pread(first, 8, 0x612)
    assert caught.value.errno == errno.EIO
    with pytest.raises(OSError):
        os.pread(first, 4, 0x611)
    source.fail("EIO", reads=1)
    with pytest.raises(OSError):
        os.pread(first, 8, 0x611)
    assert len(os.pread(first, 8, 0x611)) == 8
    source.vanish()
    assert [folder.name for folder in (bed.mount / "dev/cpu").iterdir()] == ["1"]
    for descriptor in descriptors:
        os.close(descriptor)


def test_proc_stat_follows_the_load_in_processors(bed_factory: BedFactory) -> None:
    bed = bed_factory([], proc=Proc(Constant(1.5), cpus=2, files={"cpuinfo": "model name: x\n"}))
    stat = bed.mount / "proc/stat"
    assert (bed.mount / "proc/cpuinfo").read_text() == "model name: x\n"
    time.sleep(0.2)
    before_ns = time.monotonic_ns()
    lines = [line.split() for line in stat.read_text().splitlines()]
    after_ns = time.monotonic_ns()
    assert [line[0] for line in lines[:3]] == ["cpu", "cpu0", "cpu1"]
    elapsed = [(t - bed.epoch_ns) / NS for t in (before_ns, after_ns)]
    busy, idle = int(lines[0][1]), int(lines[0][4])
    assert int(elapsed[0] * 150) <= busy <= elapsed[1] * 150
    assert int(elapsed[0] * 200) <= busy + idle <= elapsed[1] * 200


def test_further_files(bed_factory: BedFactory) -> None:
    bed = bed_factory([], files={"bus/event_source/devices/power/type": "1\n"})
    assert (bed.root / "bus/event_source/devices/power/type").read_text() == "1\n"


def test_many_readers_at_once(bed: PowercapBed) -> None:
    """Threads read, a thread breaks things, a thread looks around: no wrong number, no hang."""
    zone, dram = bed["package-0"], bed["dram"]
    wrong: list[object] = []
    stop = threading.Event()

    def read() -> None:
        held = Reader(energy_file(bed, "dram"))
        while not stop.is_set():
            before_ns, value, after_ns = held.value()
            if not dram.counter_uj(before_ns) <= value <= dram.counter_uj(after_ns):
                wrong.append((before_ns, value, after_ns))
        held.close()

    def look() -> None:
        while not stop.is_set():
            for path in (bed.root / "class/powercap").rglob("*"):
                path.is_file()

    threads = [threading.Thread(target=work) for work in (read, read, read, look)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        zone.fail("EIO", reads=1)
        zone.say("garbage", seconds=0.001)
        zone.freeze(seconds=0.001)
        zone.restore()
        time.sleep(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


# The life of a server.


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Another interpreter that has ``sim`` on its path."""
    tests = str(Path(__file__).resolve().parent.parent)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def wait_until_dead(pid: int) -> None:
    """Dead or at least a zombie, for whoever inherited it to reap."""
    deadline = time.monotonic() + 5
    with contextlib.suppress(FileNotFoundError):
        while Path("/proc", str(pid), "cmdline").read_bytes():
            assert time.monotonic() < deadline, f"server {pid} lives on"
            time.sleep(0.005)


def test_closing_leaves_nothing_behind(bed_factory: BedFactory) -> None:
    bed = bed_factory([Zone("package-0", Constant(1))])
    folder, pid = bed.mount.parent, bed.server.pid
    held = os.open(energy_file(bed, "package-0"), os.O_RDONLY)
    bed.close()
    bed.close()
    assert not folder.exists()
    assert not Path("/proc", str(pid)).exists()
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    os.close(held)


@pytest.mark.parametrize("end", ["pass", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_the_server_dies_with_its_parent(end: str) -> None:
    result = run_python(
        f"""
        import os
        from sim.bed import PowercapBed, Zone
        from sim.loads import Constant
        bed = PowercapBed([Zone("package-0", Constant(1))])
        print(bed.server.pid, bed.mount, flush=True)
        {end}
        """
    )
    pid, mount = result.stdout.split()
    wait_until_dead(int(pid))
    assert mount not in Path("/proc/self/mounts").read_text()
    remove_leftovers()
    assert not Path(mount).parent.exists()


def test_the_thread_that_mounts_may_end() -> None:
    result = run_python(
        """
        import threading
        from sim.bed import PowercapBed, Zone
        from sim.loads import Constant
        beds = []
        thread = threading.Thread(
            target=lambda: beds.append(PowercapBed([Zone("package-0", Constant(1))]))
        )
        thread.start()
        thread.join()
        with beds[0] as bed:
            print((bed.root / "class/powercap/intel-rapl:0/name").read_text())
        """
    )
    assert result.stdout.strip() == "package-0", result.stderr


def test_a_forked_child_leaves_the_server_alone(bed: PowercapBed, reader: Reader) -> None:
    child = os.fork()
    if child == 0:
        bed.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert int(reader.text()) > 0


def test_stale_mounts_are_found_and_removed() -> None:
    server = SimServer("")
    folder = server.mount.parent
    assert server.mount not in stale_mounts()
    os.kill(server.pid, signal.SIGKILL)
    server._process.wait()
    assert server.mount in stale_mounts()
    remove_leftovers()
    assert server.mount not in stale_mounts()
    server.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("epoch soon\n", "line 1 .* the epoch in ns must be a whole number, not 'soon'"),
        ("load a repeat 1\n5 -1\n", "line 2 .* power of a segment goes below zero"),
        ("load a repeat 1\n0 1\n", "line 2 .* duration of a segment in ns must be at least 1"),
        ("load a repeat 2\n5 1\n", "line 2 .* ends too early"),
        ("load a sometimes 1\n", "repeats or holds, not 'sometimes'"),
        ("counter c p 1 0 0\n", "there is no publisher 'p'"),
        ("text 0444 a x\ntext 0444 a x\n", "line 2 .* 'a' is there already"),
        ("text 0444 a x\ntext 0444 a/b x\n", "below something that is no directory"),
        ("link a b c\n", "nothing more expected, but there is 'c'"),
        ("frobnicate\n", "unknown kind of line 'frobnicate'"),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_sentence(config: str, complaint: str) -> None:
    with pytest.raises(RuntimeError, match=complaint):
        SimServer(config)
