"""Puts the trackers under the name `codecarbon`, for code that imports that.

``microjoule.install_as_codecarbon()`` does it for the running process, and
``python -m microjoule.codecarbon program.py …`` for a program that is left as it is. Nothing else
in microjoule touches the name.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["install_as_codecarbon"]

_TRACKER = "microjoule.tracker"
_OUTPUTS = f"{_TRACKER}.outputs"

# Module there: where each of its names is here.
_MODULES: dict[str, dict[str, str]] = {
    "codecarbon": {
        _TRACKER: "EmissionsTracker OfflineEmissionsTracker OutputMethod track_emissions",
    },
    "codecarbon.emissions_tracker": {
        _TRACKER: "BaseEmissionsTracker EmissionsTracker OfflineEmissionsTracker track_emissions "
        "TaskEmissionsTracker track_task_emissions EmissionsData BaseOutput OutputMethod",
        f"{_TRACKER}.units": "Energy Power Time Water",
        f"{_TRACKER}.log": "logger",
    },
    "codecarbon.output": {
        f"{_TRACKER}.data": "EmissionsData TaskEmissionsData",
        f"{_OUTPUTS}.base": "BaseOutput OutputMethod",
        f"{_OUTPUTS}.file": "FileOutput",
        f"{_OUTPUTS}.logger": "LoggerOutput GoogleCloudLoggerOutput",
        f"{_OUTPUTS}.http": "HTTPOutput CodeCarbonAPIOutput",
        f"{_OUTPUTS}.prometheus": "PrometheusOutput",
        f"{_OUTPUTS}.logfire": "LogfireOutput",
        f"{_OUTPUTS}.boamps": "BoAmpsOutput",
    },
    "codecarbon.output_methods": {},
    "codecarbon.output_methods.base_output": {f"{_OUTPUTS}.base": "BaseOutput OutputMethod"},
    "codecarbon.output_methods.emissions_data": {
        f"{_TRACKER}.data": "EmissionsData TaskEmissionsData"
    },
    "codecarbon.output_methods.file": {f"{_OUTPUTS}.file": "FileOutput"},
    "codecarbon.output_methods.logger": {
        f"{_OUTPUTS}.logger": "LoggerOutput GoogleCloudLoggerOutput"
    },
    "codecarbon.output_methods.http": {f"{_OUTPUTS}.http": "HTTPOutput CodeCarbonAPIOutput"},
    "codecarbon.output_methods.metrics": {},
    "codecarbon.output_methods.metrics.prometheus": {f"{_OUTPUTS}.prometheus": "PrometheusOutput"},
    "codecarbon.output_methods.metrics.logfire": {f"{_OUTPUTS}.logfire": "LogfireOutput"},
    "codecarbon.output_methods.boamps": {
        f"{_OUTPUTS}.boamps": "BoAmpsOutput",
        f"{_OUTPUTS}.boamps_models": "BoAmpsAlgorithm BoAmpsDataset BoAmpsEnvironment "
        "BoAmpsHardware BoAmpsHeader BoAmpsInfrastructure BoAmpsMeasure BoAmpsPublisher "
        "BoAmpsReport BoAmpsSoftware BoAmpsSystem BoAmpsTask",
    },
    "codecarbon.core": {},
    "codecarbon.core.units": {f"{_TRACKER}.units": "Energy EmissionsPerKWh Power Time Water"},
    "codecarbon.core.config": {
        f"{_TRACKER}.settings": "clean_env_key get_hierarchical_config parse_env_config "
        "parse_gpu_ids"
    },
    "codecarbon.core.cpu": {f"{_TRACKER}.compat": "is_rapl_available"},
    "codecarbon.core.util": {f"{_TRACKER}.compat": "is_linux_os"},
    "codecarbon.core.api_client": {f"{_TRACKER}.compat": "ApiClient"},
    "codecarbon.external": {},
    "codecarbon.external.hardware": {f"{_TRACKER}.compat": "CPU"},
    "codecarbon.external.logger": {f"{_TRACKER}.log": "logger set_logger_format set_logger_level"},
    "codecarbon.lock": {f"{_TRACKER}.lock": "LOCKFILE Lock"},
}


class _Module(ModuleType):
    """Looks its names up where they are, when they are first asked for."""

    def __getattr__(self, name: str) -> Any:
        for home, names in _MODULES[self.__name__].items():
            if name in names.split():
                value = getattr(import_module(home), name)
                setattr(self, name, value)
                return value
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


class _Finder(MetaPathFinder, Loader):
    """Finds `codecarbon` and its modules here, before any that are installed."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        if fullname not in _MODULES:
            return None
        package = any(name.startswith(f"{fullname}.") for name in _MODULES)
        return ModuleSpec(fullname, self, origin=__file__, is_package=package)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        homes = _MODULES[module.__name__].values()
        module.__dict__["__all__"] = [name for names in homes for name in names.split()]
        if module.__name__ == "codecarbon":
            from microjoule.tracker.rows import VERSION

            module.__dict__.update(__version__=VERSION, __app_name__="codecarbon")


_finder = _Finder()


def install_as_codecarbon() -> None:
    """Makes ``import codecarbon`` give these trackers, from now on and in this process.

    A CodeCarbon that is installed, or imported already, is hidden, not changed. A second call does
    nothing.
    """
    if _finder in sys.meta_path:
        return
    sys.meta_path.insert(0, _finder)
    for name in list(sys.modules):
        if name == "codecarbon" or name.startswith("codecarbon."):
            del sys.modules[name]
    import_module("codecarbon")


def _run(argv: list[str]) -> int:
    """Runs a program, or with ``-m`` a module, under whose feet `codecarbon` is ours."""
    import runpy

    if not argv or argv[0] in ("-h", "--help"):
        print(
            "usage: python -m microjoule.codecarbon program.py [argument ...]\n"
            "       python -m microjoule.codecarbon -m module [argument ...]\n"
            "Runs the program; where it imports codecarbon it gets microjoule's trackers.",
            file=sys.stderr,
        )
        return 0 if argv else 2
    install_as_codecarbon()
    if refusal := _refusal(argv):
        print(f"microjoule.codecarbon: {refusal}", file=sys.stderr)
        return 2
    if argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
        runpy.run_path(argv[0], run_name="__main__")
    return 0


def _refusal(argv: list[str]) -> str:
    """Why there is nothing to run; empty where there is."""
    program = argv[0]
    if program == "-m":
        if len(argv) < 2:
            return "-m needs the name of a module"
        return "" if _is_module(argv[1]) else f"there is no module {argv[1]!r}: pass its name"
    if program.startswith("-"):
        return f"unknown option {program}: pass a Python program, or -m and a module"
    if not os.path.exists(program):
        return f"there is no file {program!r}: pass a Python program"
    if os.path.isdir(program) and not os.path.exists(os.path.join(program, "__main__.py")):
        return f"{program!r} is a folder without a __main__.py: pass a Python program"
    return ""


def _is_module(name: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except ModuleNotFoundError as error:
        # The packages above it are imported: what one of them misses is no matter of this name.
        if f"{name}.".startswith(f"{error.name}."):
            return False
        raise


if __name__ == "__main__":
    # Run as a program this file is a module of its own: the one that others import does the work.
    from microjoule.codecarbon import _run as run

    sys.exit(run(sys.argv[1:]))
