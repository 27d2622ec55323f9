"""Trains two models, asks each a few thousand questions, and says what every stage cost.

    uj run -- python examples/train_and_serve.py

Each stage of the life cycle is a window of its own: `with uj.measure(stage=…) as m:`. The data are
scikit-learn's own handwritten digits, so nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import microjoule as uj

INFERENCES = 5000
SEED = 0


@dataclass(frozen=True)
class Served:
    """A model with its quality and what it cost."""

    name: str
    accuracy: float
    training: uj.Measurement
    inference: uj.Measurement


def main() -> None:
    """Runs the life cycle and prints what it cost."""
    windows: list[tuple[uj.Measurement, str]] = []

    with uj.measure("load digits", stage="data_collection") as m:
        digits = load_digits()
        images, labels = digits.data, digits.target
    windows.append((m, ""))

    with uj.measure("clean", stage="data_cleaning") as m:
        images, labels = clean(images, labels)
    windows.append((m, ""))

    with uj.measure("shift and scale", stage="preprocessing/transform") as m:
        train_x, test_x, train_y, test_y = train_test_split(
            images, labels, test_size=0.25, random_state=SEED, stratify=labels
        )
        train_x, train_y = shifted(train_x, train_y)
        scaler = StandardScaler().fit(train_x)
        train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
    windows.append((m, ""))

    served = []
    for name, model in (
        ("logistic regression", LogisticRegression(max_iter=2000)),
        ("neural net 64-128-10", MLPClassifier((128,), max_iter=300, random_state=SEED)),
    ):
        with uj.measure(f"train {name}", stage="construction/training") as training:
            model.fit(train_x, train_y)
        windows.append((training, name))

        with uj.measure(f"evaluate {name}", stage="construction/evaluation") as m:
            accuracy = float(model.score(test_x, test_y))
        windows.append((m, name))

        # One image at a time, as a service would see them.
        with uj.measure(f"serve {name}", stage="inference") as inference:
            for i in range(INFERENCES):
                model.predict(test_x[i % len(test_x), np.newaxis])
        windows.append((inference, name))
        served.append(Served(name, accuracy, training, inference))

    print(
        f"{len(train_x)} training images, {len(test_x)} test images, "
        f"{INFERENCES} inferences a model"
    )
    print_stages(windows)
    print_models(served)
    print_quality([m for m, _ in windows])


def clean(images: Any, labels: Any) -> tuple[Any, Any]:
    """Leaves out images with impossible values, empty ones and doubles."""
    good = np.isfinite(images) & (images >= 0) & (images <= 16)
    good = good.all(axis=1) & images.any(axis=1)
    images, labels = images[good], labels[good]
    _, first = np.unique(images, axis=0, return_index=True)
    first.sort()
    return images[first], labels[first]


def shifted(images: Any, labels: Any) -> tuple[Any, Any]:
    """Adds each image moved by one pixel in the four directions."""
    squares = images.reshape(-1, 8, 8)
    moved = [np.roll(squares, step, axis=axis) for axis in (1, 2) for step in (-1, 1)]
    return np.concatenate([squares, *moved]).reshape(-1, 64), np.tile(labels, 5)


def print_stages(windows: Sequence[tuple[uj.Measurement, str]]) -> None:
    """Prints a line a window."""
    rows = [("stage", "model", "time s", "energy J", "± J (k=1)", "mean W", "gCO2e")]
    rows += [
        (
            m.stage or "",
            model or "-",
            figure(m.duration_s),
            figure(m.energy_j),
            figure(m.uncertainty_j, 2),
            figure(m.power_w),
            figure(m.co2e_g),
        )
        for m, model in windows
    ]
    total_j = sum(m.energy_j for m, _ in windows)
    total_s = sum(m.duration_s for m, _ in windows)
    total_g = sum(m.co2e_g for m, _ in windows)
    mean_w = total_j / total_s
    rows.append(("all", "", figure(total_s), figure(total_j), "", figure(mean_w), figure(total_g)))
    print_table(rows)


def print_models(served: Sequence[Served]) -> None:
    """Prints a line a model: what it can do against what it costs."""
    rows = [("model", "accuracy", "training J", "J per inference", "± J (k=1)", "ms per inference")]
    rows += [
        (
            s.name,
            f"{s.accuracy:.3f}",
            figure(s.training.energy_j),
            figure(s.inference.energy_j / INFERENCES),
            figure(s.inference.uncertainty_j / INFERENCES, 2),
            figure(1e3 * s.inference.duration_s / INFERENCES),
        )
        for s in served
    ]
    print_table(rows)


def print_quality(measurements: Sequence[uj.Measurement]) -> None:
    """Says whether the figures can be trusted as measured."""
    qualities = {m.quality for m in measurements}
    sensors = ", ".join(sorted({name for m in measurements for name in m.by_sensor}))
    reasons = sorted({m.reason for m in measurements if m.reason})
    print()
    if qualities == {"measured"}:
        print(f"These figures are MEASURED on this machine, by {sensors}.")
    elif qualities == {"estimated"}:
        print(f"These figures are ESTIMATED: no energy meter can be read here ({sensors}).")
    else:
        print(f"These figures are partly measured, partly estimated ({sensors}).")
    for reason in reasons:
        print(f"  {reason}")
    if qualities != {"measured"}:
        print("`uj doctor` says what stands in the way and what mends it.")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Prints rows with words to the left and numbers to the right; the first row is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numbers = [rows[1][i][:1].isdigit() for i in range(len(rows[0]))]
    print()
    for row in rows:
        cells = zip(row, widths, numbers, strict=True)
        print("  ".join(f"{c:>{w}}" if n else f"{c:<{w}}" for c, w, n in cells).rstrip())


def figure(value: float, digits: int = 3) -> str:
    """A number with so many significant digits: never a `0.00` that is not zero."""
    return f"{value:#.{digits}g}".rstrip(".")


if __name__ == "__main__":
    # Models of this size gain nothing from more threads, and with one the figures vary less.
    with threadpool_limits(limits=1):
        main()
