"""Rows as records of a logger, or of Google Cloud's."""

from __future__ import annotations

import json
import logging
from typing import Any

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.outputs.base import BaseOutput

__all__ = ["GoogleCloudLoggerOutput", "LoggerOutput"]


class LoggerOutput(BaseOutput):
    """One record a row: all fields as JSON.

    Args:
        logger: a logger of the standard library.
        severity: its level for these records.
    """

    def __init__(self, logger: Any, severity: int = logging.INFO) -> None:
        self.logger = logger
        self.logging_severity = severity

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Logs the running totals."""
        self.logger.log(self.logging_severity, json.dumps(total.values, default=str))

    def live_out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Logs the running totals."""
        self.out(total, delta)


class GoogleCloudLoggerOutput(LoggerOutput):
    """The same for a logger of `google-cloud-logging`: the fields as a structure."""

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Logs the running totals."""
        severity = logging.getLevelName(self.logging_severity)
        self.logger.log_struct(dict(total.values), severity=severity)
