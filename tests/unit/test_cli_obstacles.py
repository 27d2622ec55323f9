"""`uj doctor` on machines that are not this one: each a few files below a folder."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from microjoule.cli import obstacles
from microjoule.cli.finding import Finding
from microjoule.cli.machine import Machine
from microjoule.cli.obstacles import battery, findings, hwmon, model, msr, perf, powercap
from microjoule.cli.obstacles_gpus import amdsmi, nvml


class Fake:
    """A machine made of files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ: dict[str, str] = {}
        self.file("sys/class/.here")
        self.file("proc/cpuinfo", "flags\t\t: fpu sse2\n")
        self.file("proc/self/status", "CapEff:\t0000000000000000\n")

    def file(self, path: str, text: str = "", mode: int = 0o644) -> None:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        full.chmod(mode)

    def zone(self, name: str, mode: int = 0o644) -> None:
        self.file(f"sys/class/powercap/{name}/energy_uj", "12345\n", mode)

    def virtual(self) -> None:
        self.file("proc/cpuinfo", "flags\t\t: fpu hypervisor sse2\n")
        self.file("sys/class/dmi/id/product_name", "Standard PC\n")

    def container(self) -> None:
        self.file(".dockerenv")

    def machine(self, *sensors: SimpleNamespace) -> Machine:
        folders = (str(self.root / name) for name in ("sys", "proc", "dev"))
        libraries = ("libnvidia-nowhere.so.1", "libamd-nowhere.so")
        return Machine(*folders, *libraries, self.environ, str(self.root), sensors)


def sensor(source: str, id: str = "cpu0.package", reason: str = "") -> SimpleNamespace:
    """A sensor that was found, or refused for a reason."""
    return SimpleNamespace(source=source, id=id, readable=not reason, reason=reason)


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def commands(finding: Finding) -> str:
    return "\n".join(command for _, command in finding.mend)


def test_open_zones(fake: Fake) -> None:
    fake.zone("intel-rapl:0")
    fake.zone("intel-rapl:0:0")
    found = powercap(fake.machine())
    assert (found.state, found.mend) == ("open", ())


def test_no_powercap_in_a_virtual_machine_cannot_be_mended(fake: Fake) -> None:
    fake.virtual()
    found = powercap(fake.machine())
    assert found.state == "absent"
    assert "virtual machine (Standard PC)" in found.text
    assert found.mend == ()


def test_no_powercap_on_bare_metal_is_the_kernel(fake: Fake) -> None:
    found = powercap(fake.machine())
    assert found.state == "absent"
    assert "CONFIG_POWERCAP" in found.text


def test_no_zones_on_bare_metal_want_the_driver(fake: Fake) -> None:
    fake.file("sys/class/powercap/intel-rapl/enabled", "1\n")
    found = powercap(fake.machine())
    assert found.state == "blocked"
    assert "sudo modprobe intel_rapl_msr" in commands(found)


def test_refused_files(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.zone("intel-rapl:0")
    fake.zone("intel-rapl:0:0")
    monkeypatch.setattr(obstacles, "_try_to_read", lambda path: errno.EACCES)
    found = powercap(fake.machine())
    assert found.state == "blocked"
    assert "PLATYPUS" in found.text
    zones = fake.root / "sys/class/powercap"
    assert f"sudo chmod a+r {zones}/intel-rapl:*/energy_uj" in commands(found)
    assert "/etc/udev/rules.d/" in commands(found)


@pytest.mark.parametrize("empty", [True, False])
def test_a_container_that_hides_the_zones_wants_the_hosts_sysfs(fake: Fake, empty: bool) -> None:
    fake.file(".dockerenv")
    zones = fake.root / "sys/class/powercap"
    zones.mkdir(parents=True)
    if not empty:
        (zones / "intel-rapl:0").symlink_to("../../devices/virtual/powercap/intel-rapl:0")
    found = powercap(fake.machine())
    assert found.state == "blocked"
    assert "Docker container" in found.text
    assert "MICROJOULE_SYSFS=/host/sys" in commands(found)


def test_a_wrong_sysfs_is_named(fake: Fake) -> None:
    machine = Machine(
        f"{fake.root}/nowhere", f"{fake.root}/proc", "/dev", "x", "x", {}, str(fake.root)
    )
    found = powercap(machine)
    assert found.state == "blocked"
    assert "unset MICROJOULE_SYSFS" in commands(found)


@pytest.mark.parametrize(
    ("level", "capabilities", "state"),
    [
        ("3", "0000000000000000", "blocked"),
        ("0", "0000000000000000", "open"),
        ("-1", "0000000000000000", "open"),
        ("3", "0000004000000000", "open"),
    ],
)
def test_perf_event_paranoid(fake: Fake, level: str, capabilities: str, state: str) -> None:
    fake.file("sys/bus/event_source/devices/power/type", "21\n")
    fake.file("proc/sys/kernel/perf_event_paranoid", f"{level}\n")
    fake.file("proc/self/status", f"CapEff:\t{capabilities}\n")
    found = perf(fake.machine())
    assert found.state == state
    assert ("sudo sysctl kernel.perf_event_paranoid=0" in commands(found)) == (state == "blocked")


def test_no_power_pmu(fake: Fake) -> None:
    assert perf(fake.machine()).state == "absent"


def test_the_msr_module(fake: Fake) -> None:
    found = msr(fake.machine())
    assert (found.state, commands(found)) == ("blocked", "sudo modprobe msr")
    fake.file("dev/cpu/0/msr")
    assert msr(fake.machine()).state == "blocked"
    fake.file("proc/self/status", "CapEff:\t0000000000020000\n")
    assert msr(fake.machine()).state == "open"


def test_no_msr_in_a_virtual_machine(fake: Fake) -> None:
    fake.virtual()
    assert msr(fake.machine()).state == "absent"


def test_a_gpu_without_its_library(fake: Fake) -> None:
    assert nvml(fake.machine()).state == "absent"
    fake.file("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    fake.file("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n")
    found = nvml(fake.machine())
    assert found.state == "blocked"
    assert "libnvidia-nowhere.so.1" in found.text
    assert "libnvidia-ml1" in commands(found)
    fake.environ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
    assert "--gpus all" in commands(nvml(fake.machine()))


def test_an_amd_gpu_without_its_library(fake: Fake) -> None:
    assert amdsmi(fake.machine()).state == "absent"
    fake.file("sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n")
    fake.file("sys/bus/pci/devices/0000:03:00.0/class", "0x120000\n")
    found = amdsmi(fake.machine())
    assert found.state == "blocked"
    assert "libamd-nowhere.so" in found.text
    assert "MICROJOULE_AMDSMI" in commands(found)
    fake.environ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
    assert "/dev/kfd" in commands(amdsmi(fake.machine()))


def test_chips_whose_figures_are_known(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hwmon(fake.machine()).state == "absent"
    fake.file("sys/class/hwmon/hwmon0/name", "nvme\n")
    fake.file("sys/class/hwmon/hwmon1/name", "corsairpsu\n")
    fake.file("sys/class/hwmon/hwmon1/power1_input", "1\n")
    assert hwmon(fake.machine()).state == "absent"
    fake.file("sys/class/hwmon/hwmon2/name", "power_meter\n")
    fake.file("sys/class/hwmon/hwmon2/device/power1_average", "1\n")
    found = hwmon(fake.machine())
    assert (found.state, found.mend) == ("open", ())
    assert "power_meter" in found.text
    monkeypatch.setattr(obstacles, "_try_to_read", lambda path: errno.EACCES)
    found = hwmon(fake.machine())
    assert found.state == "blocked"
    assert f"sudo chmod a+r {fake.root}/sys/class/hwmon/hwmon2/device" in commands(found)


def test_a_battery_tells_something_while_it_discharges(fake: Fake) -> None:
    supplies = "sys/class/power_supply"
    fake.file(f"{supplies}/AC/type", "Mains\n")
    fake.file(f"{supplies}/mouse/type", "Battery\n")
    fake.file(f"{supplies}/mouse/scope", "Device\n")
    assert battery(fake.machine()).state == "absent"
    fake.file(f"{supplies}/BAT0/type", "Battery\n")
    fake.file(f"{supplies}/BAT0/status", "Full\n")
    found = battery(fake.machine())
    assert found.state == "blocked"
    assert "BAT0 is Full" in found.text
    fake.file(f"{supplies}/BAT0/status", "Discharging\n")
    assert battery(fake.machine()).state == "open"


REFUSED = "perf event power/energy-pkg/: Operation not permitted; needs kernel.perf_event_paranoid"


def with_pmu(fake: Fake, level: int, capabilities: str = "0", seccomp: int = 0) -> None:
    fake.file("sys/bus/event_source/devices/power/type", "21\n")
    fake.file("proc/sys/kernel/perf_event_paranoid", f"{level}\n")
    fake.file("proc/self/status", f"CapEff:\t{capabilities}\nSeccomp:\t{seccomp}\n")


def test_a_filter_that_refuses_perf_is_named(fake: Fake) -> None:
    with_pmu(fake, 0, seccomp=2)
    found = perf(fake.machine(sensor("perf", reason=REFUSED)))
    assert found.state == "blocked"
    assert "a seccomp filter refuses the system call perf_event_open" in found.text
    assert commands(found) == "SystemCallFilter=perf_event_open"
    fake.container()
    found = perf(fake.machine(sensor("perf", reason=REFUSED)))
    assert commands(found) == "docker run --cap-add PERFMON …"
    with_pmu(fake, 2, capabilities="0000004000000000", seccomp=2)
    found = perf(fake.machine(sensor("perf", reason=REFUSED)))
    assert commands(found) == "docker run --security-opt seccomp=unconfined …"


def test_a_pmu_that_does_not_count_is_told_as_the_kernel_tells_it(fake: Fake) -> None:
    with_pmu(fake, 0)
    reason = "perf event power/energy-pkg/: Invalid argument; the kernel lists it"
    found = perf(fake.machine(sensor("perf", reason=reason)))
    assert (found.state, found.mend) == ("blocked", ())
    assert found.text.endswith("and yet perf event power/energy-pkg/: Invalid argument")


def test_a_container_gets_the_capability_not_the_hosts_setting(fake: Fake) -> None:
    with_pmu(fake, 2)
    assert "sysctl" in commands(perf(fake.machine()))
    fake.container()
    assert commands(perf(fake.machine())) == "docker run --cap-add PERFMON …"


def test_a_container_gets_the_msr_device(fake: Fake) -> None:
    fake.file("dev/cpu/0/msr")
    assert "sudo -E uj run" in commands(msr(fake.machine()))
    fake.container()
    assert "docker run --device /dev/cpu/0/msr --cap-add SYS_RAWIO" in commands(msr(fake.machine()))


def test_a_blocked_way_beside_an_open_one_is_no_obstacle(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.zone("intel-rapl:0")
    monkeypatch.setattr(obstacles, "_try_to_read", lambda path: errno.EACCES)
    closed = sensor("powercap", reason="Permission denied")
    by_way = {f.way: f for f in findings(fake.machine(sensor("perf"), closed))}
    assert by_way["powercap"].state == "spare"
    assert by_way["powercap"].mend == ()
    assert by_way["powercap"].text.startswith("not needed, since perf reads the same counters")
    more = sensor("powercap", "cpu1.package", "Permission denied")
    by_way = {f.way: f for f in findings(fake.machine(sensor("perf"), closed, more))}
    assert by_way["powercap"].state == "blocked"
    assert by_way["powercap"].mend


def test_a_command_for_the_host_names_the_hosts_file(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.container()
    fake.zone("intel-rapl:0")
    monkeypatch.setattr(obstacles, "_try_to_read", lambda path: errno.EACCES)
    mounts = (
        f"90 80 0:5 / /proc rw - proc proc rw\n91 80 0:22 / {fake.root}/sys ro - sysfs sysfs ro\n"
    )
    fake.file("proc/self/mountinfo", mounts)
    found = powercap(fake.machine())
    assert "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj" in commands(found)
    assert all("on the host" in what for what, _ in found.mend)


@pytest.mark.parametrize(
    ("files", "limits"),
    [
        ({}, ""),
        ({"cpu.max": "max 100000\n", "memory.max": "max\n"}, ""),
        ({"cpu.max": "150000 100000\n"}, "1.5 CPUs"),
        ({"cpu.max": "100000 100000\n", "memory.max": f"{2 << 30}\n"}, "1 CPU and 2 GB"),
        ({"app/cpu.max": "max 100000\n", "cpu.max": "50000 100000\n"}, "0.5 CPUs"),
    ],
)
def test_limits_of_a_cgroup(fake: Fake, files: dict[str, str], limits: str) -> None:
    fake.file("proc/self/cgroup", "0::/app\n")
    fake.file("proc/meminfo", f"MemTotal: {16 << 20} kB\n")
    for name, text in files.items():
        fake.file(f"sys/fs/cgroup/{name}", text)
    assert fake.machine().limits() == limits


def test_limits_of_the_first_version_of_cgroups(fake: Fake) -> None:
    fake.file("proc/self/cgroup", "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n")
    fake.file("proc/meminfo", f"MemTotal: {16 << 20} kB\n")
    fake.file("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n")
    fake.file("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n")
    fake.file("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n")
    assert fake.machine().limits() == ""
    fake.file("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "200000\n")
    fake.file("sys/fs/cgroup/memory/a/memory.limit_in_bytes", f"{1 << 30}\n")
    assert fake.machine().limits() == "2 CPUs and 1 GB"


def test_the_model_is_of_the_whole_machine(fake: Fake) -> None:
    fake.file("proc/self/cgroup", "0::/\n")
    text = model(fake.machine()).text
    assert "a model of the whole machine, whoever uses it" in text
    assert "cgroup" not in text
    fake.file("sys/fs/cgroup/cpu.max", "200000 100000\n")
    assert "not of the 2 CPUs that the cgroup allows" in model(fake.machine()).text
    assert "model" in {f.way for f in findings(fake.machine(sensor("model", "model.cpu")))}
    assert "model" not in {f.way for f in findings(fake.machine(sensor("perf")))}


def test_a_driver_that_is_not_loaded(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "NVML does not start: Driver Not Loaded"
    found = nvml(fake.machine(sensor("nvml", "gpu", why)))
    assert (found.state, found.text) == ("absent", f"no NVIDIA GPU in this machine ({why})")
    monkeypatch.setattr("microjoule.cli.obstacles_gpus._gpus", lambda library: (0, why))
    fake.file("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    fake.file("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n")
    assert commands(nvml(fake.machine())) == "sudo modprobe nvidia"
