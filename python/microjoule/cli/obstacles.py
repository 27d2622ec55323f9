"""What stands between a program and the energy counters of this machine, and what mends it.

One function a way to the counters. Each looks at files below the folders that the settings name, so
that a test can show it any machine, and opens nothing that changes anything.
"""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from microjoule.sensors import Sensor

# The ways that `Meter` takes today; the others are looked at, and said to be not taken yet.
TAKEN: Final = frozenset({"perf", "powercap", "msr", "nvml", "amdsmi", "hwmon", "battery", "model"})
_CAP_SYS_RAWIO: Final = 17
_CAP_SYS_ADMIN: Final = 21
_CAP_PERFMON: Final = 38
_NVIDIA: Final = "0x10de"
_AMD: Final = "0x1002"
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


class Finding(NamedTuple):
    """One way to the counters.

    Attributes:
        way: The source: powercap, perf, msr, nvml, amdsmi, hwmon, battery.
        state: `open`, `blocked` (something can be done) or `absent` (there is nothing here).
        text: What was found, a sentence.
        mend: What to type, each with what it is for.
    """

    way: str
    state: str
    text: str
    mend: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The finding for JSON."""
        return {
            "way": self.way,
            "state": self.state,
            "taken": self.way in TAKEN,
            "text": self.text,
            "mend": [{"what": what, "command": command} for what, command in self.mend],
        }


class Machine:
    """Where to look: the folders of the settings, and the two facts that change the advice.

    Args:
        sysfs: Where sysfs is mounted.
        procfs: Where procfs is mounted.
        devfs: The folder that holds `cpu/N/msr`.
        nvml: Path or name of the NVML library.
        amdsmi: Path or name of the AMD SMI library.
        environ: The environment.
        root: The root folder.
    """

    def __init__(
        self,
        sysfs: str,
        procfs: str,
        devfs: str,
        nvml: str,
        amdsmi: str,
        environ: Mapping[str, str] | None = None,
        root: str = "/",
    ) -> None:
        self.sysfs = sysfs
        self.procfs = procfs
        self.devfs = devfs
        self.nvml = nvml
        self.amdsmi = amdsmi
        self.container = _container(procfs, os.environ if environ is None else environ, root)
        self.virtual = _virtual(sysfs, procfs)

    def findings(self) -> list[Finding]:
        """Every way to the counters, best first."""
        ways = (powercap, perf, msr, nvml, amdsmi, hwmon, battery)
        return [way(self) for way in ways]


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
    level = _number(f"{machine.procfs}/sys/kernel/perf_event_paranoid")
    if level is None:
        return Finding("perf", "absent", "the kernel has no perf events")
    if level <= 0 or _capable(machine, _CAP_PERFMON) or _capable(machine, _CAP_SYS_ADMIN):
        return Finding("perf", "open", f"the power PMU may be read (perf_event_paranoid {level})")
    return Finding(
        "perf",
        "blocked",
        f"kernel.perf_event_paranoid is {level}; the counters of the whole machine need 0 or less",
        (
            ("until the next boot", "sudo sysctl kernel.perf_event_paranoid=0"),
            (
                "for good",
                "echo kernel.perf_event_paranoid=0 | sudo tee /etc/sysctl.d/70-microjoule.conf",
            ),
        ),
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
    if _try_to_open(path) == 0 and _capable(machine, _CAP_SYS_RAWIO):
        return Finding("msr", "open", f"{path} can be read")
    return Finding(
        "msr",
        "blocked",
        f"{path} is for root with CAP_SYS_RAWIO only",
        (("run as root", "sudo -E uj run -- …"),),
    )


def nvml(machine: Machine) -> Finding:
    """NVIDIA GPUs through the driver's library."""
    gpus, why = _gpus(machine.nvml)
    if gpus:
        return Finding("nvml", "open", f"{machine.nvml} shows {gpus} GPU{'s' * (gpus > 1)}")
    driver = os.path.exists(f"{machine.procfs}/driver/nvidia/version")
    if not _cards(machine.sysfs, _NVIDIA) and not driver:
        return Finding("nvml", "absent", "no NVIDIA GPU in this machine")
    if machine.container:
        mend = (
            ("give the container the GPU and the library", "docker run --gpus all …"),
            ("or name the library", "export MICROJOULE_NVML=/path/to/libnvidia-ml.so.1"),
        )
    else:
        mend = (
            ("install the driver's library (Debian)", "sudo apt install libnvidia-ml1"),
            ("or name it", "export MICROJOULE_NVML=/path/to/libnvidia-ml.so.1"),
        )
    return Finding("nvml", "blocked", f"there is an NVIDIA GPU, but {why}", mend)


def amdsmi(machine: Machine) -> Finding:
    """AMD GPUs through the maker's library."""
    sockets, why = _amd_sockets(machine.amdsmi)
    if sockets:
        return Finding(
            "amdsmi", "open", f"{machine.amdsmi} shows {sockets} GPU{'s' * (sockets > 1)}"
        )
    if not _cards(machine.sysfs, _AMD):
        return Finding("amdsmi", "absent", "no AMD GPU in this machine")
    name = ("or name the library", "export MICROJOULE_AMDSMI=/opt/rocm/lib/libamd_smi.so")
    if machine.container:
        gpu = ("give the container the GPU", "docker run --device /dev/kfd --device /dev/dri …")
        return Finding("amdsmi", "blocked", f"there is an AMD GPU, but {why}", (gpu, name))
    text = f"there is an AMD GPU, but {why}; hwmon may tell its power"
    install = ("install AMD's library (from ROCm's packages)", "sudo apt install amd-smi-lib")
    return Finding("amdsmi", "blocked", text, (install, name))


def hwmon(machine: Machine) -> Finding:
    """GPUs, processors and boards through the kernel's hwmon chips."""
    folder = f"{machine.sysfs}/class/hwmon"
    tried = {}
    for chip in _listed(folder):
        name = _text(f"{folder}/{chip}/name") or _text(f"{folder}/{chip}/device/name")
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
    where = " (on the host, not in the container)" if machine.container else ""
    return Finding(
        "hwmon",
        "blocked",
        f"permission denied for {refused[0]} of {names}",
        ((f"until the next boot{where}", f"sudo chmod a+r {shlex.quote(refused[0])}"),),
    )


def battery(machine: Machine) -> Finding:
    """The batteries of a laptop, where nothing else measures."""
    folder = f"{machine.sysfs}/class/power_supply"
    states = {
        name: _text(f"{folder}/{name}/status").strip()
        for name in _listed(folder)
        if _text(f"{folder}/{name}/type").strip() == "Battery"
        and _text(f"{folder}/{name}/scope").strip() != "Device"
    }
    if not states:
        return Finding("battery", "absent", "this machine has no battery")
    told = ", ".join(f"{name} is {state or 'silent'}" for name, state in states.items())
    if "Discharging" in states.values() and "Charging" not in states.values():
        return Finding("battery", "open", f"{told}: read where nothing else measures")
    text = f"{told}: only what a battery gives away on its own is what the machine draws"
    return Finding("battery", "blocked", text)


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
    where = " (on the host, not in the container)" if machine.container else ""
    rule = r'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chmod a+r /sys%p/energy_uj"'
    return Finding(
        "powercap",
        "blocked",
        text,
        (
            (
                f"until the next boot{where}",
                f"sudo chmod a+r {shlex.quote(folder)}/intel-rapl:*/energy_uj",
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


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 16)
    except OSError:
        return ""


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _number(path: str) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _capable(machine: Machine, capability: int) -> bool:
    for line in _text(f"{machine.procfs}/self/status").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> capability & 1)
    return False


def _container(procfs: str, environ: Mapping[str, str], root: str) -> str:
    """A name for the container that this runs in; empty where it is none."""
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "the Kubernetes pod"
    if os.path.exists(os.path.join(root, ".dockerenv")):
        return "the Docker container"
    if os.path.exists(os.path.join(root, "run/.containerenv")):
        return "the Podman container"
    if environ.get("container"):
        return f"the {environ['container']} container"
    groups = _text(f"{procfs}/1/cgroup")
    if any(word in groups for word in ("docker", "kubepods", "containerd", "/lxc")):
        return "the container"
    return ""


def _virtual(sysfs: str, procfs: str) -> str:
    """What to call this virtual machine; empty on bare metal."""
    flags = next((x for x in _text(f"{procfs}/cpuinfo").splitlines() if x.startswith("flags")), "")
    if "hypervisor" not in flags.split() and not os.path.exists(f"{sysfs}/hypervisor/type"):
        return ""
    product = _text(f"{sysfs}/class/dmi/id/product_name").strip()
    return f"this is a virtual machine ({product})" if product else "this is a virtual machine"


def _cards(sysfs: str, vendor: str) -> int:
    folder = f"{sysfs}/bus/pci/devices"
    try:
        devices = os.listdir(folder)
    except OSError:
        return 0
    return sum(
        _text(f"{folder}/{d}/vendor").strip() == vendor
        and _text(f"{folder}/{d}/class").startswith(("0x03", "0x12"))  # display, accelerator
        for d in devices
    )


def _gpus(library: str) -> tuple[int, str]:
    """How many GPUs NVIDIA's library shows, and why none."""
    import ctypes

    try:
        nvml = ctypes.CDLL(library)
        nvml.nvmlErrorString.restype = ctypes.c_char_p
        result = nvml.nvmlInit_v2()
        if result:
            return 0, f"NVML does not start: {nvml.nvmlErrorString(result).decode()}"
        count = ctypes.c_uint()
        nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
        nvml.nvmlShutdown()
    except (OSError, AttributeError) as error:
        return 0, str(error)
    return count.value, "NVML shows none"


def _amd_sockets(library: str) -> tuple[int, str]:
    """How many sockets with GPUs AMD's library shows, and why none."""
    import ctypes

    try:
        smi = ctypes.CDLL(library)
        result = smi.amdsmi_init(ctypes.c_uint64(2))  # AMDSMI_INIT_AMD_GPUS
        if result:
            told = ctypes.c_char_p()
            smi.amdsmi_status_code_to_string(result, ctypes.byref(told))
            return 0, f"AMD SMI does not start: {(told.value or b'').decode(errors='replace')}"
        count = ctypes.c_uint32()
        smi.amdsmi_get_socket_handles(ctypes.byref(count), None)
        smi.amdsmi_shut_down()
    except (OSError, AttributeError) as error:
        return 0, str(error)
    return count.value, "AMD SMI shows none"


def beside_pynvml(sensors: Iterable[Sensor]) -> str:
    """In what pynvml, through which most tools look at GPUs, differs from us; empty if in nothing.

    Only where both have a library and GPUs: pynvml always takes the one that the loader finds.
    """
    ours = {s.id: s.method for s in sensors if s.source == "nvml" and s.readable}
    if not ours:
        return ""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # whatever it is that keeps pynvml away is no problem of ours
        return ""
    try:
        theirs = {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            theirs[f"gpu{index}"] = pynvml.nvmlDeviceGetUUID(handle)
    except Exception as error:
        return f"pynvml cannot list the GPUs: {error}"
    finally:
        pynvml.nvmlShutdown()
    unlike = [
        f"{name} is {theirs.get(name, 'not there')}"
        for name in sorted(ours.keys() | theirs.keys())
        if theirs.get(name, "not there") not in ours.get(name, "")
    ]
    return f"pynvml sees other GPUs than microjoule: {', '.join(unlike)}" if unlike else ""
