"""What goes wrong with a simulated sensor when it is told to, and what does not."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time

import pytest

from sim.bed import (
    PowercapBed,
)
from sim.loads import NS
from simulated.reading import Reader, assert_shows_truth, energy_file

pytestmark = pytest.mark.bed


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
