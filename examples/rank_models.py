"""Ranks four models by measured error and measured energy per inference, and shows the front.

    python examples/rank_models.py --plot front.svg

The data are scikit-learn's own handwritten digits, so nothing is downloaded. Each model answers the
same questions again and again for a second, as a window of its own; on a machine without a meter
the joules are those of a power model, and the output says so.
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import microjoule as uj

SEED = 0
ALPHAS = (0, 1, 2)


def main() -> None:
    """Measures, ranks, prints, and draws where asked to."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each model answers")
    parser.add_argument("--plot", metavar="FILE", help="draw the front (needs matplotlib)")
    args = parser.parse_args()

    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data, digits.target, test_size=0.3, random_state=SEED, stratify=digits.target
    )
    models = {
        "logistic regression": make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=500)),
        "random forest": RandomForestClassifier(60, random_state=SEED),
        "support vectors": make_pipeline(MinMaxScaler(), SVC()),
        "nearest neighbours": KNeighborsClassifier(3, algorithm="brute"),
    }
    figures: dict[str, dict[str, Any]] = {}
    windows: list[uj.Measurement] = []
    # One thread each: what is compared is the models, not how well they spread over cores.
    with threadpool_limits(1):
        for name, model in models.items():
            model.fit(train_x, train_y)
            wrong = int((model.predict(test_x) != test_y).sum())
            window, items = answered(model, test_x, args.seconds)
            windows.append(window)
            figures[name] = {
                "error": (wrong / len(test_y), spread(wrong, len(test_y))),
                "energy_j": compared(window, items),
                "operations": uj.metrics.flops(model, test_x).value.value / len(test_y),
            }
    report(figures, windows)
    if args.plot:
        draw(args.plot, figures)


def answered(model: Any, questions: Any, seconds: float) -> tuple[uj.Measurement, int]:
    """Lets a model answer all questions again and again, and measures that."""
    rounds = 0
    end = time.monotonic() + seconds
    with uj.measure(type(model).__name__, stage="inference") as window:
        while rounds == 0 or time.monotonic() < end:
            model.predict(questions)
            rounds += 1
    return window, rounds * len(questions)


def spread(wrong: int, tested: int) -> float:
    """Standard uncertainty of an error rate that was counted."""
    rate = (wrong + 1) / (tested + 2)
    return math.sqrt(rate * (1 - rate) / tested)


def compared(window: uj.Measurement, items: int) -> tuple[float, float]:
    """Joules per item, with the uncertainty that matters between models of one meter."""
    parts = window.uncertainty_parts
    # The meter's gain moves all models alike.
    alone = math.hypot(*(u for name, u in parts.items() if name != "gain"))
    return window.energy_j / items, alone / items


def report(figures: dict[str, dict[str, Any]], windows: list[uj.Measurement]) -> None:
    """Prints the models, best first, and what flips."""
    found = uj.metrics.rank(
        {name: {k: f[k] for k in ("error", "energy_j")} for name, f in figures.items()},
        alphas=ALPHAS,
    )
    columns = [c for c in found.columns if c.startswith("M(")]
    print(f"{'model':<20}  {'error':>6}  {'mJ/inference':>16}  {'operations':>10}  front  ", end="")
    print("  ".join(f"{c:>7}" for c in columns))
    for row in found.rows:
        energy = f"{row.energy_j.value * 1e3:.3g} ± {row.energy_j.uncertainty * 1e3:.2g}"
        ranks = [row.cells[found.columns.index(c)] for c in columns]
        told = "  ".join(f"{ranked(cell.best, cell.worst):>7}" for cell in ranks)
        front = "yes" if row.place.on_front else "no"
        count = figures[row.model]["operations"]
        print(
            f"{row.model:<20}  {row.error.value:>6.4f}  {energy:>16}  {count:>10.3g}  "
            f"{front:<5}  {told}"
        )
    print("\nA rank such as 1-2 means that the model cannot be told apart from its neighbour.")
    print("Operations are comparisons where trees decide: indicators, without any hardware.")
    for flip in found.flips:
        print(f"At α = {flip.alpha.value:.2f} {flip.above} overtakes {flip.below}.")
    source = ", ".join(sorted({id for window in windows for id in window.by_sensor}))
    quality = {window.quality for window in windows}
    print(f"\nEnergy: {' and '.join(sorted(quality)).upper()}, from {source or 'no sensor'}")
    for reason in sorted({window.reason for window in windows if window.reason}):
        print(f"  {reason}")


def ranked(best: int, worst: int) -> str:
    """The ranks that a model may have."""
    return str(best) if best == worst else f"{best}-{worst}"


def draw(path: str, figures: dict[str, dict[str, Any]]) -> None:
    """Draws error over energy, the front as a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    points = {name: (float(f["error"][0]), float(f["energy_j"][0])) for name, f in figures.items()}
    quality = {name: (1 - error, energy) for name, (error, energy) in points.items()}
    on = uj.metrics.front(quality)
    axes.step([points[n][1] for n in on], [points[n][0] for n in on], where="post", color="green")
    for name, (error, energy) in points.items():
        axes.plot(energy, error, "o", color="green" if name in on else "gray")
        axes.annotate(name, (energy, error), xytext=(5, 5), textcoords="offset points")
    axes.set_xscale("log")
    axes.set_xlabel("energy per inference (J)")
    axes.set_ylabel("error rate")
    axes.set_title("What no other model beats in both (green)")
    figure.savefig(path)
    print(f"\nThe front is drawn in {path}")


if __name__ == "__main__":
    main()
