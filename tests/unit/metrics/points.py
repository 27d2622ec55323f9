"""An ordinary point of every metric, away from the edges, and how it moves with each input."""

from __future__ import annotations

from microjoule import metrics
from microjoule.metrics._registry import METRICS, Metric

# By input: an ordinary value; a metric's own values stand below.
_ORDINARY = {
    "error": 0.08,
    "energy_j": 0.4,
    "items": 3.0,
    "accuracy": 0.75,
    "energy_kwh": 0.02,
    "samples": 500.0,
    "tokens": 828.0,
    "power_w": 50.0,
    "flop": 1e15,
    "intensity_g_per_kwh": 300.0,
    "duration_s": 2.5,
    "training_j": 1.8e8,
    "inference_j": 0.5,
    "inferences": 4e8,
    "trainings": 3.0,
    "development_j": 5e7,
    "rate_per_s": 10.0,
    "lifetime_days": 180.0,
    "max_power_w": 300.0,
    "total_g": 1e6,
    "reserved_s": 3600.0,
    "lifetime_years": 4.0,
    "share": 0.125,
    "embodied_g": 4.0,
    "units": 1000.0,
    "effectiveness": 0.4,
    "co2e_kg": 0.5,
    "training_co2e_kg": 0.5,
    "testing_co2e_kg": 0.002,
    "parameters": 25.6e6,
    "macs": 4.1e9,
    "classes": 10.0,
    "example_flop": 1e9,
    "dataset_size": 5e4,
    "experiments": 20.0,
    "epochs": 3.0,
    "devices": 1000.0,
    "peak_flop_per_s": 312e12,
    "utilisation": 0.4,
    "performance": 0.75,
    "resource": 0.4,
    "reference_accuracy": 0.7,
    "reference_duration_s": 1.0,
    "electricity": 1e5,
    "error_a": 0.08,
    "energy_a_j": 0.4,
    "error_b": 0.03,
    "energy_b_j": 2.0,
    "training_a_j": 36e6,
    "inference_a_j": 2.0,
    "training_b_j": 180e6,
    "inference_b_j": 0.5,
    "score_a": 0.6,
    "samples_a": 1e4,
    "score_b": 0.8,
    "samples_b": 4e4,
}

# By metric: which inputs make it rise and which make it fall.
RISES_FALLS: dict[str, tuple[str, str]] = {
    "energy_precision_ratio": ("error energy_j", "items"),
    "frugality": ("performance", "resource"),
    "a3r": ("accuracy reference_duration_s", "reference_accuracy duration_s"),
    "sam": ("accuracy", "electricity"),
    "energy_per_item": ("energy_j", "items"),
    "samples_per_joule": ("samples", "energy_j"),
    "energy_per_token": ("energy_j", "tokens"),
    "tokens_per_joule": ("tokens", "energy_j"),
    "accuracy_per_kwh": ("accuracy", "energy_kwh"),
    "green_efficiency_score": ("accuracy", "energy_kwh"),
    "intelligence_per_watt": ("accuracy", "power_w"),
    "flop_per_joule": ("flop", "energy_j"),
    "carbon_per_1000": ("energy_j intensity_g_per_kwh", ""),
    "mean_power": ("energy_j", "duration_s"),
    "dllce": ("inference_j inferences", "training_j"),
    "amortised_energy": ("training_j inference_j", "inferences"),
    "break_even": ("training_j", "inference_j"),
    "payback": ("training_b_j inference_b_j", "training_a_j inference_a_j"),
    "lifetime_energy": ("training_j inference_j inferences trainings development_j", ""),
    "lifetime_uses": ("rate_per_s lifetime_days", ""),
    "yearly_training": ("energy_j", "lifetime_days"),
    "edp": ("energy_j duration_s", ""),
    "ed2p": ("energy_j duration_s", ""),
    "zeus_cost": ("energy_j duration_s max_power_w", ""),
    "sci_embodied": ("total_g reserved_s share", "lifetime_years"),
    "sci": ("energy_kwh intensity_g_per_kwh embodied_g", "units"),
    "sci_ai_consumer": ("energy_kwh intensity_g_per_kwh embodied_g", "units"),
    "sci_ai_provider": ("energy_kwh intensity_g_per_kwh embodied_g", "units"),
    "carburacy": ("effectiveness", "co2e_kg"),
    "carburacy_overall": ("effectiveness", "training_co2e_kg testing_co2e_kg"),
    "netscore": ("accuracy", "parameters macs"),
    "netscore_energy": ("accuracy", "parameters energy_j"),
    "information_density": ("accuracy", "parameters"),
    "recognition_bits": ("accuracy", ""),
    "recognition_bits_per_joule": ("accuracy", "energy_j"),
    "lifecycle_bits_per_joule": ("accuracy inferences", "energy_j training_j"),
    "cost_of_result": ("example_flop dataset_size experiments epochs", ""),
    "training_compute": ("parameters tokens", ""),
    "inference_compute": ("parameters tokens", ""),
    "hardware_compute": ("devices duration_s peak_flop_per_s utilisation", ""),
    "model_flop_utilisation": ("flop", "devices duration_s peak_flop_per_s"),
    "data_score_efficiency": ("score_b samples_a", "score_a samples_b"),
    "crossover_alpha": ("energy_b_j error_b", "energy_a_j error_a"),
}


def point(metric: str) -> dict[str, float]:
    """The quantities of a metric at its ordinary point."""
    rises, falls = RISES_FALLS[metric]
    names = [*rises.split(), *falls.split()]
    return {name: _ORDINARY[name] for name in names} | settings(metric)


def settings(metric: str) -> dict[str, float]:
    """What is not moved but needed."""
    return {"classes": 10.0} if "bits" in metric else {}


def by_name(metric: str) -> Metric[...]:
    """A metric, whatever has been imported before."""
    metrics.registry()
    return METRICS[metric]
