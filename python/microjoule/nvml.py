"""What NVIDIA's library says beside energy: names, how busy a GPU is, and with whose work.

Power and energy are read by the core. This asks the same library, the one that ``MICROJOULE_NVML``
names; pynvml always takes the one that the loader finds.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


__all__ = ["NO_START", "Nvml", "NvmlError"]

NO_START = "NVML does not start"
_ENOUGH = 128  # NVML API reference: names and UUIDs are shorter
_INSUFFICIENT_SIZE = 7


class NvmlError(Exception):
    """The library cannot be loaded, does not start, or does not say it; the text has the reason."""


class Nvml:
    """NVIDIA's library, started in this process. GPUs go by their index.

    Args:
        library: its path or name.

    Raises:
        NvmlError: it cannot be loaded or does not start.
    """

    def __init__(self, library: str) -> None:
        import ctypes  # late: few machines have such a library

        self._c: Any = ctypes
        try:
            self._library = ctypes.CDLL(library)
            self._library.nvmlErrorString.restype = ctypes.c_char_p
            result = self._library.nvmlInit_v2()
        except (OSError, AttributeError) as error:
            raise NvmlError(str(error)) from None
        if result:
            raise NvmlError(f"{NO_START}: {self._text_of(result)}")
        self._handles: dict[int, Any] = {}

    def close(self) -> None:
        """Gives back the start; the library stays for others in the process."""
        self._library.nvmlShutdown()

    def count(self) -> int:
        """How many GPUs there are."""
        count = self._c.c_uint()
        self._call("nvmlDeviceGetCount_v2", self._c.byref(count))
        return int(count.value)

    def uuid(self, index: int) -> str:
        """The UUID, ``GPU-…``."""
        return self._string("nvmlDeviceGetUUID", index)

    def name(self, index: int) -> str:
        """The product's name."""
        return self._string("nvmlDeviceGetName", index)

    def utilisation(self, index: int) -> float:
        """Per cent of the time in which a kernel ran, over the driver's last sample."""
        rates = (self._c.c_uint * 2)()
        self._call("nvmlDeviceGetUtilizationRates", self._gpu(index), rates)
        return float(rates[0])

    def processes(self, index: int, since_us: int) -> list[tuple[int, float]]:
        """Process and per cent of the multiprocessors, for each sample since then.

        Args:
            index: the GPU.
            since_us: microseconds since 1970.
        """
        c = self._c

        class Sample(c.Structure):  # type: ignore[misc,name-defined]
            _fields_ = (
                ("pid", c.c_uint),
                ("time_us", c.c_ulonglong),
                ("percent", c.c_uint * 4),  # multiprocessors, memory, encoder, decoder
            )

        gpu, count, since = self._gpu(index), c.c_uint(0), c.c_ulonglong(since_us)
        ask = self._function("nvmlDeviceGetProcessUtilization")
        result = ask(gpu, None, c.byref(count), since)
        if result == _INSUFFICIENT_SIZE:
            samples = (Sample * count.value)()
            result = ask(gpu, samples, c.byref(count), since)
        if result:
            raise NvmlError(self._text_of(result))
        return [(int(s.pid), float(s.percent[0])) for s in samples[: count.value]]

    def _gpu(self, index: int) -> Any:
        if index not in self._handles:
            handle = self._c.c_void_p()
            self._call("nvmlDeviceGetHandleByIndex_v2", index, self._c.byref(handle))
            self._handles[index] = handle
        return self._handles[index]

    def _string(self, function: str, index: int) -> str:
        text = self._c.create_string_buffer(_ENOUGH)
        self._call(function, self._gpu(index), text, _ENOUGH)
        return str(text.value.decode("utf-8", "replace"))

    def _call(self, name: str, *arguments: Any) -> None:
        result = self._function(name)(*arguments)
        if result:
            raise NvmlError(self._text_of(result))

    def _function(self, name: str) -> Any:
        try:
            return getattr(self._library, name)
        except AttributeError:
            raise NvmlError(f"this driver has no {name}") from None

    def _text_of(self, result: int) -> str:
        return str((self._library.nvmlErrorString(result) or b"").decode("utf-8", "replace"))
