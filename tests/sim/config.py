"""The server's configuration, line by line (``simfs/world.cpp`` says what each line means)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.counters import Counter, Publisher
from sim.loads import Load


def escaped(text: str) -> str:
    """A text as one line of the configuration or of a command."""
    return text.encode("utf-8").decode("latin-1").encode("unicode_escape").decode("ascii")


class Config:
    """Collects the lines; loads and publishers that are used twice are written once."""

    def __init__(self, epoch_ns: int) -> None:
        """Everything begins at ``epoch_ns`` of CLOCK_MONOTONIC."""
        self._lines = [f"epoch {epoch_ns}"]
        self._loads: dict[Load, str] = {}
        self._publishers: dict[Publisher, str] = {}

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def text(self, path: str, text: str, mode: str = "0444") -> None:
        """A file that always says the same."""
        self._lines.append(f"text {mode} {path} {escaped(text)}")

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._lines.append(f"link {path} {target}")

    def energy(self, path: str, counter: Counter, mode: str) -> None:
        """A counter in microjoules, of its own: two files never share a reset or a freeze."""
        self._lines.append(f"energy {mode} {path} {self._new_counter(counter)}")

    def power(self, path: str, publisher: Publisher, window_ns: int) -> None:
        """A gauge in microwatts."""
        self._lines.append(f"power 0444 {path} {self._publisher(publisher)} {window_ns}")

    def stat(self, path: str, publisher: Publisher, cpus: int) -> None:
        """A ``/proc/stat``."""
        self._lines.append(f"stat 0444 {path} {self._publisher(publisher)} {cpus}")

    def registers(self, path: str, registers: Mapping[int, int | Counter]) -> None:
        """An MSR device."""
        lines = [
            f"{address:x} const {content}"
            if isinstance(content, int)
            else f"{address:x} counter {self._new_counter(content)}"
            for address, content in registers.items()
        ]
        self._lines += [f"registers 0600 {path} {len(lines)}", *lines]

    def gpu(
        self, words: Sequence[object], energy: Publisher, power: Publisher, *rest: object
    ) -> None:
        """A GPU of the stand-in for NVML (``nvml/nvml.cpp`` says what the words are)."""
        publishers = (self._publisher(energy), self._publisher(power))
        self._lines.append(" ".join(map(str, ("gpu", *words, *publishers, *rest))))

    def _load(self, load: Load) -> str:
        if load not in self._loads:
            name = self._loads[load] = f"l{len(self._loads)}"
            at_end = "repeat" if load.repeats else "hold"
            self._lines.append(f"load {name} {at_end} {len(load.segments)}")
            self._lines += [
                f"{duration_ns} {watts!r}" + (f" {ripple_w!r} {ripple_ns}" if ripple_ns > 0 else "")
                for duration_ns, watts, ripple_w, ripple_ns in load.segments
            ]
        return self._loads[load]

    def _publisher(self, publisher: Publisher) -> str:
        if publisher not in self._publishers:
            load = self._load(publisher.load)
            name = self._publishers[publisher] = f"p{len(self._publishers)}"
            self._lines.append(
                f"publisher {name} {load} {publisher.period_ns} {publisher.phase_ns} "
                f"{publisher.jitter_ns} {publisher.seed} {publisher.lost!r}"
            )
        return self._publishers[publisher]

    def _new_counter(self, counter: Counter) -> str:
        publisher = self._publisher(counter.publisher)
        name = f"c{len(self._lines)}"
        self._lines.append(
            f"counter {name} {publisher} {counter.unit_aj} {counter.start_uj} "
            f"{counter.max_range_uj}"
        )
        return name
