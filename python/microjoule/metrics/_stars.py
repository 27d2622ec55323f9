"""One to five stars within a cohort of models, by energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from microjoule.metrics import _propagate
from microjoule.metrics._registry import comparison
from microjoule.metrics._value import Quantity, Value, value_of

METHODS: Final = ("range", "quantile")
_TEN: Final = "{f'm{e}': e for e in (1, 2, 3, 4, 5, 6, 7, 8, 9, 100)}"


class Starred(NamedTuple):
    """The stars of one model.

    Attributes:
        stars: 5 (least energy) to 1.
        energy: what it was rated by.
        probabilities: chance of 1, 2, … 5 stars within the uncertainties.
    """

    stars: int
    energy: Value
    probabilities: tuple[float, float, float, float, float]


class Stars(NamedTuple):
    """The stars of a cohort: they say nothing outside it, and nothing after its date.

    Attributes:
        models: by name.
        method: ``"range"`` or ``"quantile"``.
        date: ISO 8601 date on which the cohort was what it is.
    """

    models: dict[str, Starred]
    method: str
    date: str


@comparison(
    title="Stars",
    formula='"range": fifths of the range of energies; "quantile": fifths of the models',
    unit="1–5 stars",
    direction="higher",
    category="climate",
    reference="the two readings of the AI Energy Score's documentation "
    "(huggingface/AIEnergyScore @a5b9a04); not the AI Energy Score, which is measured on one "
    "hardware and licensed",
    certainty="read",
    use="Models of one class measured alike. Stars belong to a cohort and a date: both are kept.",
    avoid="Across cohorts. By range, one very wasteful model gives five stars to all others.",
    examples={
        f"[s.stars for s in stars({_TEN}).models.values()]": "[5, 5, 5, 5, 5, 5, 5, 5, 5, 1]",
        f'[s.stars for s in stars({_TEN}, method="quantile").models.values()]': (
            "[5, 5, 4, 4, 3, 3, 2, 2, 1, 1]"
        ),
    },
)
def stars(
    energies: Mapping[str, Quantity],
    *,
    method: str = "range",
    date: str | None = None,
    draws: int = _propagate.DRAWS,
    seed: int = _propagate.SEED,
) -> Stars:
    """Return the stars of each model of a cohort.

    Args:
        energies: energy of the same work by name, in one unit.
        method: ``"range"`` or ``"quantile"``.
        date: ISO 8601 date of the cohort; None: today.
        draws: of the energies, for the probabilities.
        seed: of the random generator.

    Raises:
        ValueError: the cohort is empty, an energy is not above 0, or no such method.
    """
    import numpy as np

    if method not in METHODS:
        raise ValueError(f"no method is called {method!r}: pass 'range' or 'quantile'")
    if not energies:
        raise ValueError("the cohort is empty: pass an energy by name for each model")
    values = {name: value_of(e, f"energy of {name}") for name, e in energies.items()}
    for name, v in values.items():
        if v.value <= 0:
            raise ValueError(f"the energy of {name} is {v.value:g}: pass an energy above 0")
    give = _by_range if method == "range" else _by_quantile
    given = give(np.array([[v.value] for v in values.values()]))[:, 0]
    if any(v.uncertainty for v in values.values()):
        random = _propagate.generator(seed)
        infinity = float("inf")
        drawn = [_propagate.draw(v, 0.0, infinity, draws, random) for v in values.values()]
        starred = give(np.stack(drawn))
        chances = np.stack([(starred == n).mean(axis=1) for n in range(1, 6)], axis=1)
    else:
        chances = np.stack([given == n for n in range(1, 6)], axis=1).astype(float)
    found = {
        name: Starred(int(n), v, tuple(p))
        for (name, v), n, p in zip(values.items(), given, chances.tolist(), strict=True)
    }
    if date is None:
        import datetime

        date = datetime.date.today().isoformat()
    return Stars(found, method, date)


def _by_range(energies: Any) -> Any:
    """Fifths of the range from the least energy to the most, by column."""
    import numpy as np

    least, most = energies.min(axis=0), energies.max(axis=0)
    width = np.where(most > least, most - least, 1.0) / 5
    return 5 - np.minimum(np.floor((energies - least) / width), 4).astype(int)


def _by_quantile(energies: Any) -> Any:
    """Fifths of the models, by column; equals share the better place."""
    import numpy as np

    count = len(energies)
    below = np.stack([(energies < row).sum(axis=0) for row in energies])
    return 5 - np.floor(5 * below / count).astype(int)
