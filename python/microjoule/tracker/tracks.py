"""Which sensors a run is billed by, and which powers the user knows better."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from microjoule.measurement import Measurement
from microjoule.meter import Meter, kept_meter

__all__ = ["CPU", "GPU", "RAM", "Track", "load_model", "machine"]

CPU, GPU, RAM = 0, 1, 2
_COMPONENT = {"gpu": GPU, "dram": RAM}
# The load model is TDP x max(0.05, 0.75 u^0.7): at full load it gives this share of the TDP.
_AT_FULL_LOAD = 0.75


class Track:
    """One window after another on one meter, and what of its sensors counts.

    Attributes:
        meter: the meter; this track is one use of it.
        columns: sensor by index, component, factor, and its id.
    """

    __slots__ = ("_token", "columns", "meter")

    def __init__(self, own: Meter, columns: Sequence[tuple[int, int, float, str]]) -> None:
        self.meter = own
        self.columns = tuple(columns)
        self._token = 0

    def begin(self) -> None:
        """Opens the first window: a calm one, since a run may go on for days."""
        self._token = self.meter._native.begin_calm()

    def lap(self) -> Measurement:
        """Ends a window and begins the next at the same moment."""
        return self.meter.lap(self._token)

    def end(self) -> Measurement:
        """Ends the last window."""
        return self.meter.end(self._token)


def machine(gpus: Sequence[str], *, cpu: bool = True, ram: bool = True) -> Track:
    """The counted sensors of this machine, on the process-wide meter.

    Args:
        gpus: ids of the GPU sensors that count.
        cpu: False leaves out the processors.
        ram: False leaves out the memory.
    """
    own = kept_meter()
    columns = []
    for i, info in enumerate(own._native.sensors()):
        component = _COMPONENT.get(info.kind, CPU)
        if component == GPU:
            wanted = info.id in gpus  # whoever names one that is hidden means it
        else:
            wanted = info.counted and (cpu if component == CPU else ram)
        if wanted:
            columns.append((i, component, 1.0, info.id))
    return Track(own, columns)


def load_model(full_load_w: float | None) -> Track:
    """The processors by the load model, on a meter of its own that all trackers share.

    Args:
        full_load_w: power at full load, W; None: what the model takes by itself.
    """
    from microjoule import hardware

    own = _model_meter()
    scale = 1.0
    if full_load_w is not None:
        scale = full_load_w / (_AT_FULL_LOAD * hardware.cpu_model().tdp_w)
    sensors = own._native.sensors()
    return Track(own, [(i, CPU, scale, s.id) for i, s in enumerate(sensors) if s.id == "model.cpu"])


_lock = threading.Lock()
_model: Meter | None = None


def _model_meter() -> Meter:
    global _model
    with _lock:
        if _model is None:
            _model = Meter(sources=["model"])
        return _model


def _forget_locks() -> None:
    """In a forked child: whoever held it in the parent does not exist here."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_locks)
