"""What stands between a program and the energy counters of this machine, and what mends it.

One function a way to the counters. Each looks at files below the folders that the settings name, so
that a test can show it any machine, and opens nothing that changes anything.
"""

from __future__ import annotations

import errno
import os
import shlex
from typing import Final

from microjoule.cli.finding import Finding
from microjoule.cli.machine import Machine, text_of
from microjoule.cli.obstacles_gpus import amdsmi, nvml

_CAP_SYS_RAWIO: Final = 17
_CAP_SYS_ADMIN: Final = 21
_CAP_PERFMON: Final = 38
_RAPL: Final = ("perf", "powercap", "msr")
# The chips whose figures are known, each with a file of theirs to try.
_CHIPS: Final = {
    "i915": ("energy1_input",),
    "xe": ("energy1_input", "energy2_input"),
    "amd_energy": ("energy1_input",),
    "amdgpu": ("power1_average", "power1_input"),
    "power_meter": ("power1_average", "power1_input"),
    "acpi_power_meter": ("power1_average", "power1_input"),
    "ina3221": ("curr1_input", "curr2_input", "curr3_input"),
}


def findings(machine: Machine) -> list[Finding]:
    """Every way to the counters, best first; the power model where it stands in."""
    ways = (powercap, perf, msr, nvml, amdsmi, hwmon, battery)
    found = [_spared(machine, way(machine)) for way in ways]
    return [*found, model(machine)] if machine.reads("model") else found


def powercap(machine: Machine) -> Finding:
    """RAPL through `/sys/class/powercap`."""
    folder = f"{machine.sysfs}/class/powercap"
    if not os.path.isdir(f"{machine.sysfs}/class"):
        text = f"there is no sysfs at {machine.sysfs}"
        if machine.sysfs != "/sys" and not machine.container:
            unset = ("look where it usually is", "unset MICROJOULE_SYSFS")
            return Finding("powercap", "blocked", text, (unset,))
        return Finding("powercap", "blocked", text, _mount(machine))
    if not os.path.isdir(folder):
        if machine.virtual:
            text = f"no {folder}: {machine.virtual}, and its host keeps the counters to itself"
        elif machine.container:
            text = f"no {folder}: {machine.container} hides it, or the kernel has no powercap"
            return Finding("powercap", "blocked", text, _mount(machine))
        else:
            text = f"no {folder}: the kernel was built without powercap (CONFIG_POWERCAP)"
        return Finding("powercap", "absent", text)
    zones = sorted(name for name in os.listdir(folder) if ":" in name)
    if not zones:
        return _no_zones(machine, folder)
    states = {zone: _try_to_read(f"{folder}/{zone}/energy_uj") for zone in zones}
    readable = [zone for zone, state in states.items() if state == 0]
    if len(readable) == len(zones):
        return Finding("powercap", "open", f"all zones of {folder} can be read: {len(zones)}")
    refused = [z for z, state in states.items() if state in (errno.EACCES, errno.EPERM)]
    if refused:
        return _refused(machine, folder, refused)
    if readable:
        broken = [f"{z} ({os.strerror(n)})" for z, n in states.items() if n != 0]
        text = f"{len(readable)} of {len(zones)} zones can be read; not {', '.join(broken)}"
        return Finding("powercap", "open", text)
    if not any(os.path.isdir(f"{folder}/{zone}") for zone in zones):
        text = f"the zones of {folder} lead nowhere: {machine.container or 'a container'} masks"
        text += " /sys/devices/virtual/powercap"
        return Finding("powercap", "blocked", text, _mount(machine))
    why = os.strerror(next(iter(states.values())))
    return Finding("powercap", "blocked", f"no zone of {folder} can be read: {why}")


def perf(machine: Machine) -> Finding:
    """RAPL through the kernel's `power` PMU."""
    if not os.path.isdir(f"{machine.sysfs}/bus/event_source/devices/power"):
        return Finding("perf", "absent", "the kernel offers no power PMU")
    if machine.reads("perf"):
        return Finding("perf", "open", "the events of the power PMU are counted")
    level = _number(f"{machine.procfs}/sys/kernel/perf_event_paranoid")
    if level is None:
        return Finding("perf", "absent", "the kernel has no perf events")
    if level <= 0 or machine.capable(_CAP_PERFMON) or machine.capable(_CAP_SYS_ADMIN):
        if refusal := machine.refusal("perf"):
            return _perf_refused(machine, level, refusal)
        return Finding("perf", "open", f"the power PMU may be read (perf_event_paranoid {level})")
    return Finding(
        "perf",
        "blocked",
        f"kernel.perf_event_paranoid is {level}; the counters of the whole machine need 0 or less",
        _allow_perf(machine),
    )


def msr(machine: Machine) -> Finding:
    """RAPL through the processor's registers."""
    path = f"{machine.devfs}/cpu/0/msr"
    if not os.path.exists(path):
        if machine.virtual:
            return Finding("msr", "absent", f"no {path}: {machine.virtual}")
        where = " (on the host, not in the container)" if machine.container else ""
        text = f"no {path}: the module msr is not loaded"
        return Finding("msr", "blocked", text, ((f"load it{where}", "sudo modprobe msr"),))
    if machine.reads("msr") or (_try_to_open(path) == 0 and machine.capable(_CAP_SYS_RAWIO)):
        return Finding("msr", "open", f"{path} can be read")
    mend = ("run as root", "sudo -E uj run -- …")
    if machine.container:
        command = "docker run --device /dev/cpu/0/msr --cap-add SYS_RAWIO …"
        mend = (f"as root in {machine.container}, one device for each package", command)
    return Finding("msr", "blocked", f"{path} is for root with CAP_SYS_RAWIO only", (mend,))


def hwmon(machine: Machine) -> Finding:
    """GPUs, processors and boards through the kernel's hwmon chips."""
    folder = f"{machine.sysfs}/class/hwmon"
    tried = {}
    for chip in _listed(folder):
        name = text_of(f"{folder}/{chip}/name") or text_of(f"{folder}/{chip}/device/name")
        for file in _CHIPS.get(name.strip(), ()):
            # The attributes of older drivers are those of the device.
            places = (f"{folder}/{chip}/{file}", f"{folder}/{chip}/device/{file}")
            tried.update({place: name.strip() for place in places if os.path.exists(place)})
    if not tried:
        return Finding("hwmon", "absent", f"no chip in {folder} whose energy or power is known")
    names = ", ".join(sorted(set(tried.values())))
    refused = [path for path in tried if _try_to_read(path) in (errno.EACCES, errno.EPERM)]
    if len(refused) < len(tried):
        return Finding("hwmon", "open", f"energy or power is told by {names}")
    where, file = machine.where, machine.on_the_host(refused[0])
    return Finding(
        "hwmon",
        "blocked",
        f"permission denied for {refused[0]} of {names}",
        ((f"until the next boot{where}", f"sudo chmod a+r {shlex.quote(file)}"),),
    )


def battery(machine: Machine) -> Finding:
    """The batteries of a laptop, where nothing else measures."""
    folder = f"{machine.sysfs}/class/power_supply"
    states = {
        name: text_of(f"{folder}/{name}/status").strip()
        for name in _listed(folder)
        if text_of(f"{folder}/{name}/type").strip() == "Battery"
        and text_of(f"{folder}/{name}/scope").strip() != "Device"
    }
    if not states:
        return Finding("battery", "absent", "this machine has no battery")
    told = ", ".join(f"{name} is {state or 'silent'}" for name, state in states.items())
    if "Discharging" in states.values() and "Charging" not in states.values():
        return Finding("battery", "open", f"{told}: read where nothing else measures")
    text = f"{told}: only what a battery gives away on its own is what the machine draws"
    return Finding("battery", "blocked", text)


def model(machine: Machine) -> Finding:
    """What the power model, which stands in for the meters, rests on."""
    from microjoule import hardware

    text = f"{hardware.cpu_model(machine.procfs, machine.sysfs).note}. It is a model of the whole"
    text += " machine, whoever uses it"
    if limits := machine.limits():
        text += f": not of the {limits} that the cgroup allows this program"
    return Finding("model", "open", text)


def _spared(machine: Machine, finding: Finding) -> Finding:
    """A blocked way to RAPL is no obstacle where another one is open."""
    reader = machine.reads(*_RAPL)
    if finding.way not in _RAPL or finding.state != "blocked" or not reader:
        return finding
    read = {s.id for s in machine.sensors if s.readable}
    refused = {s.id for s in machine.sensors if s.source == finding.way and not s.readable}
    if any(name.endswith((".package", ".dram")) for name in refused - read):
        return finding
    first, _, _ = finding.text.partition(". ")
    text = f"not needed, since {reader} reads the same counters ({first})"
    return Finding(finding.way, "spare", text)


def _perf_refused(machine: Machine, level: int, refusal: str) -> Finding:
    allowed = f"kernel.perf_event_paranoid ({level}) and the capabilities of this process allow it"
    if not machine.filtered or "not permitted" not in refusal.lower():
        return Finding("perf", "blocked", f"{allowed}, and yet {refusal.partition(';')[0]}")
    text = f"{allowed}, but a seccomp filter refuses the system call perf_event_open"
    return Finding("perf", "blocked", text, _allow_perf(machine))


def _allow_perf(machine: Machine) -> tuple[tuple[str, str], ...]:
    if not machine.container and machine.filtered:
        return (("in a systemd unit", "SystemCallFilter=perf_event_open"),)
    if not machine.container:
        lasting = "echo kernel.perf_event_paranoid=0 | sudo tee /etc/sysctl.d/70-microjoule.conf"
        return (
            ("until the next boot", "sudo sysctl kernel.perf_event_paranoid=0"),
            ("for good", lasting),
        )
    if machine.capable(_CAP_PERFMON):
        what = f"start {machine.container} with a filter that allows it, or without one"
        return ((what, "docker run --security-opt seccomp=unconfined …"),)
    # The filters of Docker and Podman let through whoever has the capability.
    what = f"give {machine.container} the capability, which opens its seccomp filter as well"
    return ((what, "docker run --cap-add PERFMON …"),)


def _no_zones(machine: Machine, folder: str) -> Finding:
    if machine.container:
        text = f"{folder} is empty: {machine.container} hides the zones"
        return Finding("powercap", "blocked", text, _mount(machine))
    if machine.virtual:
        text = f"{folder} is empty: {machine.virtual}, and its host keeps the counters to itself"
        return Finding("powercap", "absent", text)
    text = f"{folder} is empty: the RAPL driver is not loaded"
    return Finding(
        "powercap",
        "blocked",
        text,
        (
            ("load it", "sudo modprobe intel_rapl_msr"),
            ("at every boot", "echo intel_rapl_msr | sudo tee /etc/modules-load.d/microjoule.conf"),
        ),
    )


def _refused(machine: Machine, folder: str, zones: list[str]) -> Finding:
    text = (
        f"permission denied for {folder}/{zones[0]}/energy_uj"
        + (f" and {len(zones) - 1} more" if len(zones) > 1 else "")
        + ". Since 2020 the kernel lets only root read it: whoever reads it often can infer what"
        " other programs compute (PLATYPUS, CVE-2020-8694). Open it where you trust the users"
    )
    where, zones_there = machine.where, shlex.quote(machine.on_the_host(folder))
    rule = r'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chmod a+r /sys%p/energy_uj"'
    return Finding(
        "powercap",
        "blocked",
        text,
        (
            (
                f"until the next boot{where}",
                f"sudo chmod a+r {zones_there}/intel-rapl:*/energy_uj",
            ),
            (
                f"for good{where}",
                f"echo '{rule}' | sudo tee /etc/udev/rules.d/70-microjoule.rules",
            ),
        ),
    )


def _mount(machine: Machine) -> tuple[tuple[str, str], ...]:
    return (
        (
            f"show {machine.container or 'the container'} the host's sysfs",
            "docker run -v /sys:/host/sys:ro -e MICROJOULE_SYSFS=/host/sys …",
        ),
    )


def _try_to_read(path: str) -> int:
    """0, or the error number of reading a file's first bytes."""
    try:
        with open(path, "rb", buffering=0) as stream:
            stream.read(32)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _try_to_open(path: str) -> int:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _number(path: str) -> int | None:
    try:
        return int(text_of(path))
    except ValueError:
        return None
