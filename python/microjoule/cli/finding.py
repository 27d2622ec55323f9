"""What `uj doctor` says of one way to the meters."""

from __future__ import annotations

from typing import Final, NamedTuple

# The ways that `Meter` takes today; the others are looked at, and said to be not taken yet.
TAKEN: Final = frozenset({"perf", "powercap", "msr", "nvml", "amdsmi", "hwmon", "battery", "model"})


class Finding(NamedTuple):
    """One way to the counters.

    Attributes:
        way: The source: powercap, perf, msr, nvml, amdsmi, hwmon, battery, model.
        state: `open`, `blocked` (something can be done), `spare` (blocked, but another way gives
            the same) or `absent` (there is nothing here).
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
