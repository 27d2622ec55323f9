"""What a tracker is told: arguments, `CODECARBON_*`, two `.codecarbon.config` files, defaults.

Names, order, defaults and precedence are CodeCarbon's. Text from outside is parsed to the type of
the argument; what cannot be read is warned of, and the default holds.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping

from microjoule import config
from microjoule.tracker.log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from typing import Any

    _Parser = Callable[[str], Any]
    Table = Mapping[str, tuple[Any, _Parser]]

__all__ = [
    "DEFAULTS",
    "OFFLINE_DEFAULTS",
    "UNSET",
    "bind",
    "check",
    "clean_env_key",
    "get_hierarchical_config",
    "parse_env_config",
    "parse_gpu_ids",
    "pick",
    "signature_of",
]

_PREFIX = "codecarbon_"
_SECTION = "codecarbon"
_FILE = ".codecarbon.config"


class _Unset:
    """Stands for an argument that was not given: None is a value of its own."""

    def __repr__(self) -> str:
        return "<not given>"


UNSET: Any = _Unset()


# -- parsing ----------------------------------------------------------------------------------


def _text(raw: str) -> str:
    return raw


def _number(raw: str) -> float:
    value = float(raw)
    if not math.isfinite(value):
        raise ValueError(raw)
    return value


def _whole(raw: str) -> int:
    return int(float(raw))


def _truth(raw: str) -> bool:
    return raw.strip().lower() == "true"


def _level(raw: str) -> str | int:
    return int(raw) if raw.strip().lstrip("-").isdigit() else raw


def parse_gpu_ids(gpu_ids: str) -> list[str]:
    """Takes apart a comma list of GPU indices and UUID prefixes; a leading ``MIG-`` goes."""
    words = (word.strip().strip("'\"") for word in gpu_ids.strip(" []").split(","))
    return [word.removeprefix("MIG-") for word in words if word]


# -- the arguments ----------------------------------------------------------------------------

# In the order of the positional arguments, with what is taken when nobody says anything.
DEFAULTS: dict[str, tuple[Any, _Parser]] = {
    "project_name": ("codecarbon", _text),
    "measure_power_secs": (15.0, _number),
    "api_call_interval": (8, _whole),
    "api_endpoint": ("https://api.codecarbon.io", _text),
    "api_key": ("api_key", _text),
    "output_dir": (".", _text),
    "output_file": ("emissions.csv", _text),
    "output_methods": (None, _text),
    "save_to_file": (True, _truth),
    "save_to_api": (False, _truth),
    "save_to_logger": (False, _truth),
    "logging_logger": (None, _text),
    "save_to_prometheus": (False, _truth),
    "save_to_logfire": (False, _truth),
    "prometheus_url": ("localhost:9091", _text),
    "output_handlers": (None, _text),
    "gpu_ids": (None, parse_gpu_ids),
    "emissions_endpoint": (None, _text),
    "experiment_id": ("5b0fa12a-3dd7-45bb-9766-cc326314d9f1", _text),
    "experiment_name": ("base", _text),
    "electricitymaps_api_token": (None, _text),
    "co2_signal_api_token": (None, _text),
    "tracking_mode": ("machine", _text),
    "log_level": ("info", _level),
    "on_csv_write": ("append", _text),
    "logger_preamble": ("", _text),
    "force_cpu_power": (None, _number),
    "force_ram_power": (None, _number),
    "pue": (1.0, _number),
    "wue": (0.0, _number),
    "force_carbon_intensity_g_co2e_kwh": (None, _number),
    "force_mode_cpu_load": (False, _truth),
    "allow_multiple_runs": (True, _truth),
    "rapl_include_dram": (False, _truth),
    "rapl_prefer_psys": (False, _truth),
    "metadata": (None, _text),
}

OFFLINE_DEFAULTS: dict[str, tuple[Any, _Parser]] = {
    "country_iso_code": (None, _text),
    "region": (None, _text),
    "cloud_provider": (None, _text),
    "cloud_region": (None, _text),
    "country_2letter_iso_code": (None, _text),
}


def pick(given: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Settles every argument of a table: given, else from outside, else its default.

    One INFO line names where the settings from outside came from, never their values.
    """
    settled = {name: default for name, (default, _) in table.items()}
    used: list[str] = []
    for name, (raw, origin) in _outside().items():
        if name not in table or given.get(name, UNSET) is not UNSET:
            continue
        default, parse = table[name]
        try:
            settled[name] = parse(raw)
            used.append(f"{name} ({origin})")
        except ValueError:
            logger.warning(
                "%s is %r in %s: that cannot be read, and the default %r is taken",
                name,
                raw,
                origin,
                default,
            )
    settled.update((name, value) for name, value in given.items() if value is not UNSET)
    if used:
        logger.info("Taken from outside: %s", ", ".join(sorted(used)))
    return settled


# -- outside ----------------------------------------------------------------------------------


def clean_env_key(key: str) -> str:
    """The name of a setting from the name of its variable."""
    return key.lower().removeprefix(_PREFIX)


def parse_env_config() -> dict[str, dict[str, str]]:
    """The ``CODECARBON_*`` variables, in any letter case, as a section."""
    # As bytes: decoding all the others would cost more than everything else a tracker reads.
    prefix = _PREFIX.encode()
    names = [os.fsdecode(n) for n in os.environb if n[: len(prefix)].lower() == prefix]
    return {_SECTION: {clean_env_key(name): os.environ[name] for name in names}}


def get_hierarchical_config() -> dict[str, str]:
    """What is said outside the call: home file, then local file, then environment on top."""
    return {name: raw for name, (raw, _) in _outside().items()}


def _outside() -> dict[str, tuple[str, str]]:
    """What is said outside the call, and where."""
    merged: dict[str, tuple[str, str]] = {}
    for folder, origin in ((os.path.expanduser("~"), f"~/{_FILE}"), (os.getcwd(), f"./{_FILE}")):
        for name, raw in _read(os.path.join(folder, _FILE)).items():
            merged[name] = raw, origin
    for name, raw in parse_env_config()[_SECTION].items():
        merged[name] = raw, "the environment"
    return merged


def _read(path: str) -> dict[str, str]:
    # Looked at first: configparser costs milliseconds, and the file is seldom there. Some tests of
    # other people put their own `open` in place, which only the parser's own reading satisfies.
    if not os.path.exists(path) and type(open).__name__ == "builtin_function_or_method":
        return {}
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        logger.warning("%s cannot be read and is left out: %s", path, error)
        return {}
    return dict(parser[_SECTION]) if parser.has_section(_SECTION) else {}


# -- what cannot be ---------------------------------------------------------------------------


def check(conf: dict[str, Any]) -> None:
    """Puts the default where None makes no sense, and refuses what cannot be.

    Raises:
        ValueError: a bad tracking mode, output method, CSV mode or number.
        OSError: the output folder does not exist.
    """
    for name, (default, _) in DEFAULTS.items():
        if conf[name] is None:
            conf[name] = default
    if conf["tracking_mode"] not in ("machine", "process"):
        raise ValueError(
            f"Unknown tracking_mode {conf['tracking_mode']!r}: pass 'machine' or 'process'"
        )
    if conf["on_csv_write"] not in ("append", "update"):
        raise ValueError(
            f"Unknown `on_csv_write` value: {conf['on_csv_write']} (should be one of 'append' or "
            "'update')"
        )
    if not os.path.isdir(conf["output_dir"]):
        raise OSError(f"Folder '{conf['output_dir']}' doesn't exist !")
    for name, least, instead in (("pue", 1.0, "1.2"), ("wue", 0.0, "1.8")):
        value = _as_number(conf[name])
        if value is None or value < least:
            raise ValueError(
                f"{name} is {conf[name]!r}: pass a number of {least:g} or more, such as {instead}"
            )
    for name in ("measure_power_secs", "api_call_interval"):
        if _as_number(conf[name]) is None:
            raise ValueError(
                f"{name} is {conf[name]!r}: pass a number, such as {DEFAULTS[name][0]}"
            )
    if float(conf["measure_power_secs"]) < 0:
        raise ValueError(
            f"measure_power_secs is {conf['measure_power_secs']!r}: pass seconds, 0 or more, such "
            "as 15"
        )
    for name in ("force_cpu_power", "force_ram_power"):
        value = conf[name]
        if value is None:
            continue
        if (_as_number(value) if not isinstance(value, bool) else None) is None or float(value) < 0:
            logger.warning("%s is %r and is left out: pass watts, 0 or more", name, value)
            conf[name] = None
    ids = conf["gpu_ids"]
    if ids is not None:
        words = parse_gpu_ids(ids if isinstance(ids, str) else ",".join(map(str, ids)))
        conf["gpu_ids"] = [int(word) if word.isdigit() else word for word in words]
    if conf["co2_signal_api_token"] is not None:
        logger.warning("co2_signal_api_token is deprecated: pass electricitymaps_api_token")
        conf["electricitymaps_api_token"] = (
            conf["electricitymaps_api_token"] or conf["co2_signal_api_token"]
        )
    for name in ("rapl_include_dram", "rapl_prefer_psys"):
        if conf[name]:
            logger.debug("%s has no effect: memory is measured where there is a meter for it", name)


def _as_number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


# -- the call ---------------------------------------------------------------------------------


def bind(
    who: str,
    table: Table,
    keyword_only: frozenset[str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> dict[str, Any]:
    """What was given, by name.

    Raises:
        TypeError: too many arguments, an unknown one, or one given twice.
    """
    names = [name for name in table if name not in keyword_only]
    if len(args) > len(names):
        raise TypeError(f"{who}() takes {len(names)} positional arguments but {len(args)} came")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in table:
            near = config.nearest(name, table)
            hint = f": did you mean {near}?" if near else ""
            raise TypeError(f"{who}() got an unexpected keyword argument {name!r}{hint}")
        if name in given:
            raise TypeError(f"{who}() got multiple values for argument {name!r}")
        given[name] = value
    if any(name.startswith("save_to_") for name in given):
        warnings.warn(
            "save_to_file, save_to_api, save_to_logger, save_to_prometheus and save_to_logfire "
            "are deprecated: pass output_methods=['csv', …]",
            DeprecationWarning,
            stacklevel=3,
        )
    return given


def signature_of(table: Table, keyword_only: frozenset[str] = frozenset()) -> inspect.Signature:
    """The signature that help() and editors show."""
    import inspect  # late: a tracker starts without

    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY
                if name in keyword_only
                else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=default,
            )
            for name, (default, _) in table.items()
        ]
    )
