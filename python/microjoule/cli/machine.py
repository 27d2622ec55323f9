"""What a program runs in, as `uj doctor` must know it: folders, container, limits, rights.

Everything is read from files below the folders that the settings name, so that a test can show it
any machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microjoule.sensors import Sensor

_GIB = 1 << 30


class Machine:
    """Where to look, and what changes the advice.

    Args:
        sysfs: Where sysfs is mounted.
        procfs: Where procfs is mounted.
        devfs: The folder that holds `cpu/N/msr`.
        nvml: Path or name of the NVML library.
        amdsmi: Path or name of the AMD SMI library.
        environ: The environment.
        root: The root folder.
        sensors: What was found and refused, where somebody has looked.
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
        sensors: Iterable[Sensor] = (),
    ) -> None:
        self.sysfs = sysfs
        self.procfs = procfs
        self.devfs = devfs
        self.nvml = nvml
        self.amdsmi = amdsmi
        self.root = root
        self.sensors = list(sensors)
        self.container = _container(procfs, os.environ if environ is None else environ, root)
        self.virtual = _virtual(sysfs, procfs)

    def reads(self, *sources: str) -> str:
        """The first of some sources through which something is read; empty if nothing is."""
        read = {s.source for s in self.sensors if s.readable}
        return next((source for source in sources if source in read), "")

    def refusal(self, source: str) -> str:
        """Why nothing is read through a source although it was tried; empty otherwise."""
        reasons = [s.reason for s in self.sensors if s.source == source and not s.readable]
        return reasons[0] if reasons and not self.reads(source) else ""

    def capable(self, capability: int) -> bool:
        """Whether this process has a capability, by its number."""
        return bool(int(self._status("CapEff") or "0", 16) >> capability & 1)

    @property
    def filtered(self) -> bool:
        """Whether a seccomp filter is on this process."""
        return self._status("Seccomp") == "2"

    @property
    def where(self) -> str:
        """Where a file of sysfs can be changed, if not here: behind what it is done for."""
        if self.container:
            return " (on the host, not in the container)"
        try:
            fixed = os.statvfs(self.sysfs).f_flag & os.ST_RDONLY
        except OSError:
            return ""
        return f" (where {self.sysfs} is not read-only, as it is here)" if fixed else ""

    def on_the_host(self, path: str) -> str:
        """What a file of sysfs is called where a command is to be typed.

        In a container that sees the host's sysfs elsewhere, it is below `/sys` for the host.
        """
        best, host = "", path
        for line in text_of(f"{self.procfs}/self/mountinfo").splitlines():
            words = line.split()
            if "-" not in words[6:] or words[words.index("-", 6) + 1] != "sysfs":
                continue
            inside, mount = words[3], words[4]
            if len(mount) > len(best) and path.startswith(f"{mount}/"):
                best, host = mount, f"/sys{inside.rstrip('/')}{path[len(mount) :]}"
        return host

    def limits(self) -> str:
        """What the cgroup allows this process, like `2 CPUs and 4 GB`; empty without a limit."""
        parts = []
        if (cpus := self._allowed_cpus()) is not None:
            parts.append(f"{cpus:.3g} CPU{'s' * (cpus != 1)}")
        if (gb := self._allowed_gb()) is not None:
            parts.append(f"{gb:.3g} GB")
        return " and ".join(parts)

    def _status(self, name: str) -> str:
        for line in text_of(f"{self.procfs}/self/status").splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return value.strip()
        return ""

    def _allowed_cpus(self) -> float | None:
        allowed = []
        for folder in self._cgroups("cpu"):
            quota, _, period = text_of(f"{folder}/cpu.max").partition(" ")
            if not quota:
                quota = text_of(f"{folder}/cpu.cfs_quota_us")
                period = text_of(f"{folder}/cpu.cfs_period_us")
            if quota.strip().isdigit() and period.strip().isdigit() and int(period) > 0:
                allowed.append(int(quota) / int(period))
        return min(allowed, default=None)

    def _allowed_gb(self) -> float | None:
        total_kb = 0
        for line in text_of(f"{self.procfs}/meminfo").splitlines():
            if line.startswith("MemTotal:") and line.split()[1].isdigit():
                total_kb = int(line.split()[1])
        allowed = []
        for folder in self._cgroups("memory"):
            for name in ("memory.max", "memory.limit_in_bytes"):
                text = text_of(f"{folder}/{name}").strip()
                # Version 1 shows a huge number where there is no limit.
                if text.isdigit() and int(text) < total_kb << 10:
                    allowed.append(int(text) / _GIB)
        return min(allowed, default=None)

    def _cgroups(self, controller: str) -> list[str]:
        """The folders of this process's cgroup and of those that it is part of."""
        folders = []
        for line in text_of(f"{self.procfs}/self/cgroup").splitlines():
            number, controllers, path = (*line.split(":", 2), "", "")[:3]
            base = os.path.join(self.root, "sys/fs/cgroup")
            if number != "0":
                if controller not in controllers.split(","):
                    continue
                base = os.path.join(base, controller)
            parts = [part for part in path.split("/") if part not in ("", "..")]
            folders += [os.path.join(base, *parts[:n]) for n in range(len(parts) + 1)]
        return folders


def text_of(path: str) -> str:
    """The beginning of a text file; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 16)
    except OSError:
        return ""


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
    groups = text_of(f"{procfs}/1/cgroup")
    if any(word in groups for word in ("docker", "kubepods", "containerd", "/lxc")):
        return "the container"
    return ""


def _virtual(sysfs: str, procfs: str) -> str:
    """What to call this virtual machine; empty on bare metal."""
    cpuinfo = text_of(f"{procfs}/cpuinfo").splitlines()
    flags = next((line for line in cpuinfo if line.startswith("flags")), "")
    if "hypervisor" not in flags.split() and not os.path.exists(f"{sysfs}/hypervisor/type"):
        return ""
    product = text_of(f"{sysfs}/class/dmi/id/product_name").strip()
    return f"this is a virtual machine ({product})" if product else "this is a virtual machine"
