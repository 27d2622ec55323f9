"""Which outputs a tracker has, and in which order they are asked."""

from __future__ import annotations

import os
from collections.abc import Mapping

from microjoule.tracker import settings as _settings
from microjoule.tracker.log import logger
from microjoule.tracker.outputs.base import BaseOutput, OutputMethod, methods_of
from microjoule.tracker.outputs.file import FileOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Handlers", "handlers_of"]

_SAVE_TO = {
    "save_to_file": OutputMethod.CSV,
    "save_to_logger": OutputMethod.LOGGER,
    "save_to_api": OutputMethod.API,
    "save_to_prometheus": OutputMethod.PROMETHEUS,
    "save_to_logfire": OutputMethod.LOGFIRE,
}


class Handlers:
    """The outputs of a tracker: the fault of one is its own.

    Attributes:
        all: in the order in which they are asked.
    """

    def __init__(self, every: list[BaseOutput]) -> None:
        self.all = every

    @property
    def live(self) -> list[BaseOutput]:
        """Those that take rows while a run goes on."""
        return [h for h in self.all if getattr(type(h), "live_out", None) is not _NO_LIVE]

    def ask(self, what: str, *args: Any, among: list[BaseOutput] | None = None) -> None:
        """Calls a method of each, where it has it; what they raise is logged."""
        for handler in self.all if among is None else among:
            method = getattr(handler, what, None)
            if method is None:
                continue
            try:
                method(*args)
            except OSError as error:
                # The world outside said no, and it says why: no fault that a traceback would show.
                why = error.strerror or error
                where = f"{error.filename}: " if error.filename else ""
                logger.warning("%s.%s() failed: %s%s", type(handler).__name__, what, where, why)
            except Exception as error:
                name = type(handler).__name__
                logger.warning("%s.%s() failed: %s", name, what, error, exc_info=True)


_NO_LIVE = BaseOutput.live_out


def handlers_of(conf: Mapping[str, Any]) -> list[BaseOutput]:
    """The user's own outputs, then CSV, logger, HTTP, API, Prometheus, Logfire and BoAmps.

    An output whose library is missing is left out with one warning.
    """
    methods = conf["output_methods"]
    chosen = (
        [method for name, method in _SAVE_TO.items() if conf[name]]
        if methods is None
        else methods_of(methods)
    )
    # A copy: the caller's list is the caller's.
    handlers: list[BaseOutput] = list(conf["output_handlers"] or ())
    if OutputMethod.CSV in chosen:
        handlers.append(FileOutput(conf["output_file"], conf["output_dir"], conf["on_csv_write"]))
    if OutputMethod.LOGGER in chosen:
        if conf["logging_logger"] is None:
            logger.warning("Output to a logger needs one: pass logging_logger=LoggerOutput(…)")
        else:
            handlers.append(conf["logging_logger"])
    if conf["emissions_endpoint"]:
        from microjoule.tracker.outputs.http import HTTPOutput

        handlers.append(HTTPOutput(conf["emissions_endpoint"]))
    if OutputMethod.API in chosen:
        _add_api(handlers, conf)
    if OutputMethod.PROMETHEUS in chosen:
        _try(handlers, lambda: _prometheus(conf))
    if OutputMethod.LOGFIRE in chosen:
        _try(handlers, _logfire)
    if OutputMethod.BOAMPS in chosen:
        _try(handlers, lambda: _boamps(conf))
    return handlers


def _try(handlers: list[BaseOutput], make: Any) -> None:
    try:
        handlers.append(make())
    except ImportError as error:
        logger.warning("%s", error)


def _add_api(handlers: list[BaseOutput], conf: Mapping[str, Any]) -> None:
    default, _ = _settings.DEFAULTS["api_endpoint"]
    if conf["api_endpoint"] == default:
        logger.warning(
            "Nothing is sent to %s: pass an api_endpoint of your own to post emissions", default
        )
        return
    from microjoule.tracker.outputs.http import CodeCarbonAPIOutput

    handlers.append(
        CodeCarbonAPIOutput(
            conf["api_endpoint"], str(conf["experiment_id"]), str(conf["api_key"]), conf
        )
    )


def _prometheus(conf: Mapping[str, Any]) -> BaseOutput:
    from microjoule.tracker.outputs.prometheus import PrometheusOutput

    job = f"{conf['project_name']}_{conf['experiment_name']}"
    return PrometheusOutput(str(conf["prometheus_url"]), job)


def _logfire() -> BaseOutput:
    from microjoule.tracker.outputs.logfire import LogfireOutput

    return LogfireOutput()


def _boamps(conf: Mapping[str, Any]) -> BaseOutput:
    import json

    from microjoule.tracker.outputs.boamps import BoAmpsOutput

    metadata = conf["metadata"] or {}
    if isinstance(metadata, str | os.PathLike):
        with open(metadata, encoding="utf-8") as file:
            metadata = json.load(file)
    return BoAmpsOutput.from_dict(metadata.get("boamps", metadata), conf["output_dir"])
