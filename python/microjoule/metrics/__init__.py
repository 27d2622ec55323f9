"""What a model is worth and what it costs: metrics of quality, energy, carbon and compute.

Pure functions of numbers. Each takes plain numbers, (number, standard uncertainty) pairs or
`Value` objects, and a metric gives a `Value` with its unit, its direction, its category (computing
resources or climate), the propagated uncertainty and how well its inputs were obtained. What each
is for, and what it is not for: ``docs/metrics.md``, which is made from `registry`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.indicators.flops import flops as flops
    from microjoule.indicators.learning import LearningCurve as LearningCurve
    from microjoule.indicators.learning import Point as Point
    from microjoule.indicators.learning import learning_curve as learning_curve
    from microjoule.indicators.operations import Operations as Operations
    from microjoule.indicators.size import Size as Size
    from microjoule.indicators.size import model_size as model_size
    from microjoule.indicators.timing import Timing as Timing
    from microjoule.indicators.timing import timing as timing
    from microjoule.metrics._carbon import carburacy as carburacy
    from microjoule.metrics._carbon import carburacy_overall as carburacy_overall
    from microjoule.metrics._carbon import sci as sci
    from microjoule.metrics._carbon import sci_ai_consumer as sci_ai_consumer
    from microjoule.metrics._carbon import sci_ai_provider as sci_ai_provider
    from microjoule.metrics._carbon import sci_embodied as sci_embodied
    from microjoule.metrics._compute import cost_of_result as cost_of_result
    from microjoule.metrics._compute import data_score_efficiency as data_score_efficiency
    from microjoule.metrics._compute import hardware_compute as hardware_compute
    from microjoule.metrics._compute import inference_compute as inference_compute
    from microjoule.metrics._compute import joules_to_target as joules_to_target
    from microjoule.metrics._compute import learning_area as learning_area
    from microjoule.metrics._compute import model_flop_utilisation as model_flop_utilisation
    from microjoule.metrics._compute import samples_to_target as samples_to_target
    from microjoule.metrics._compute import training_compute as training_compute
    from microjoule.metrics._delay import ed2p as ed2p
    from microjoule.metrics._delay import edp as edp
    from microjoule.metrics._delay import zeus_cost as zeus_cost
    from microjoule.metrics._gaiq import Quotient as Quotient
    from microjoule.metrics._gaiq import green_ai_quotient as green_ai_quotient
    from microjoule.metrics._gaiq import quotient as quotient
    from microjoule.metrics._gaiq_files import read_answers as read_answers
    from microjoule.metrics._gaiq_files import read_questionnaire as read_questionnaire
    from microjoule.metrics._gaiq_files import read_record as read_record
    from microjoule.metrics._gaiq_files import write_answers as write_answers
    from microjoule.metrics._label import AXES as AXES
    from microjoule.metrics._label import Axis as Axis
    from microjoule.metrics._label import Label as Label
    from microjoule.metrics._label import label as label
    from microjoule.metrics._label import weighted_median as weighted_median
    from microjoule.metrics._life import amortised_energy as amortised_energy
    from microjoule.metrics._life import break_even as break_even
    from microjoule.metrics._life import dllce as dllce
    from microjoule.metrics._life import lifetime_energy as lifetime_energy
    from microjoule.metrics._life import lifetime_uses as lifetime_uses
    from microjoule.metrics._life import payback as payback
    from microjoule.metrics._life import yearly_training as yearly_training
    from microjoule.metrics._pareto import Place as Place
    from microjoule.metrics._pareto import front as front
    from microjoule.metrics._pareto import hypervolume as hypervolume
    from microjoule.metrics._pareto import places as places
    from microjoule.metrics._rank import Ranking as Ranking
    from microjoule.metrics._rank import rank as rank
    from microjoule.metrics._ratio import a3r as a3r
    from microjoule.metrics._ratio import crossover_alpha as crossover_alpha
    from microjoule.metrics._ratio import energy_precision_ratio as energy_precision_ratio
    from microjoule.metrics._ratio import error_floor as error_floor
    from microjoule.metrics._ratio import error_of as error_of
    from microjoule.metrics._ratio import frugality as frugality
    from microjoule.metrics._ratio import sam as sam
    from microjoule.metrics._registry import Entry as Entry
    from microjoule.metrics._registry import Metric as Metric
    from microjoule.metrics._size import information_density as information_density
    from microjoule.metrics._size import lifecycle_bits_per_joule as lifecycle_bits_per_joule
    from microjoule.metrics._size import netscore as netscore
    from microjoule.metrics._size import netscore_energy as netscore_energy
    from microjoule.metrics._size import recognition_bits as recognition_bits
    from microjoule.metrics._size import recognition_bits_per_joule as recognition_bits_per_joule
    from microjoule.metrics._stars import Stars as Stars
    from microjoule.metrics._stars import stars as stars
    from microjoule.metrics._value import Value as Value
    from microjoule.metrics._value import energy_of as energy_of
    from microjoule.metrics._value import value_of as value_of
    from microjoule.metrics._work import accuracy_per_kwh as accuracy_per_kwh
    from microjoule.metrics._work import carbon_per_1000 as carbon_per_1000
    from microjoule.metrics._work import energy_per_item as energy_per_item
    from microjoule.metrics._work import energy_per_token as energy_per_token
    from microjoule.metrics._work import flop_per_joule as flop_per_joule
    from microjoule.metrics._work import green_efficiency_score as green_efficiency_score
    from microjoule.metrics._work import intelligence_per_watt as intelligence_per_watt
    from microjoule.metrics._work import mean_power as mean_power
    from microjoule.metrics._work import samples_per_joule as samples_per_joule
    from microjoule.metrics._work import tokens_per_joule as tokens_per_joule

# By module, in the order of the page; every name is loaded when it is first used.
_MODULES = {
    "_value": ("Value", "energy_of", "value_of"),
    "_registry": ("Entry", "Metric"),
    "_ratio": (
        "energy_precision_ratio",
        "crossover_alpha",
        "error_floor",
        "error_of",
        "frugality",
        "a3r",
        "sam",
    ),
    "_work": (
        "energy_per_item",
        "samples_per_joule",
        "energy_per_token",
        "tokens_per_joule",
        "accuracy_per_kwh",
        "green_efficiency_score",
        "intelligence_per_watt",
        "flop_per_joule",
        "carbon_per_1000",
        "mean_power",
    ),
    "_life": (
        "dllce",
        "amortised_energy",
        "break_even",
        "payback",
        "lifetime_energy",
        "lifetime_uses",
        "yearly_training",
    ),
    "_delay": ("edp", "ed2p", "zeus_cost"),
    "_carbon": (
        "sci_embodied",
        "sci",
        "sci_ai_consumer",
        "sci_ai_provider",
        "carburacy",
        "carburacy_overall",
    ),
    "_size": (
        "netscore",
        "netscore_energy",
        "information_density",
        "recognition_bits",
        "recognition_bits_per_joule",
        "lifecycle_bits_per_joule",
    ),
    "_compute": (
        "cost_of_result",
        "training_compute",
        "inference_compute",
        "hardware_compute",
        "model_flop_utilisation",
        "data_score_efficiency",
        "samples_to_target",
        "joules_to_target",
        "learning_area",
    ),
    "_pareto": ("Place", "front", "hypervolume", "places"),
    "_label": ("AXES", "Axis", "Label", "label", "weighted_median"),
    "_stars": ("Stars", "stars"),
    "_rank": ("Ranking", "rank"),
    "_gaiq": ("Quotient", "green_ai_quotient", "quotient"),
    "_gaiq_files": ("read_answers", "read_questionnaire", "read_record", "write_answers"),
}
# What looks at a model or runs it lives beside this package, which knows numbers only.
_INDICATORS = {
    "operations": ("Operations",),
    "flops": ("flops",),
    "size": ("Size", "model_size"),
    "timing": ("Timing", "timing"),
    "learning": ("LearningCurve", "Point", "learning_curve"),
}
_HOME = {
    name: f"microjoule.{package}.{module}"
    for package, modules in (("metrics", _MODULES), ("indicators", _INDICATORS))
    for module, names in modules.items()
    for name in names
}

__all__ = sorted([*_HOME, "registry"])


def registry() -> "dict[str, Entry]":
    """Return what is to be known of every metric, by name, in the order of ``docs/metrics.md``."""
    from importlib import import_module

    for module in _MODULES:
        import_module(f"microjoule.metrics.{module}")
    from microjoule.metrics._registry import ENTRIES, GROUPS

    by_group = sorted(ENTRIES.values(), key=lambda e: list(GROUPS).index(e.group))
    return {entry.name: entry for entry in by_group}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'microjoule.metrics' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
