"""Outputs of one's own, and those to loggers, addresses, Prometheus, BoAmps and Logfire."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from microjoule.tracker import BaseOutput, EmissionsTracker, OfflineEmissionsTracker
from microjoule.tracker.data import EmissionsData
from microjoule.tracker.outputs.boamps import BoAmpsOutput
from microjoule.tracker.outputs.boamps_models import BoAmpsTask
from microjoule.tracker.outputs.http import HTTPOutput
from microjoule.tracker.outputs.logger import GoogleCloudLoggerOutput, LoggerOutput

Call = tuple[str, EmissionsData, EmissionsData]


class Keep(BaseOutput):
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        self.calls.append(("out", total, delta))

    def live_out(self, total: EmissionsData, delta: EmissionsData) -> None:
        self.calls.append(("live_out", total, delta))

    def task_out(self, data: list[Any], experiment_name: str) -> None:
        self.calls.append(("task_out", data, experiment_name))

    def exit(self) -> None:
        self.calls.append(("exit",))


class Server:
    """A real HTTP server that keeps what it was sent."""

    def __init__(self, delay_s: float = 0.0, status: int = 201) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                time.sleep(delay_s)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b'{"id": "run-1"}')

            do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    own = Server()
    yield own
    own.close()


def test_calls_come_in_order_with_total_and_delta() -> None:
    keep = Keep()
    tracker = EmissionsTracker(output_handlers=[keep], force_ram_power=10, force_cpu_power=0)
    tracker.start()
    time.sleep(0.05)
    tracker.flush()
    time.sleep(0.05)
    tracker.start_task("fit")
    time.sleep(0.05)
    tracker.stop_task()
    tracker.stop()
    assert [call[0] for call in keep.calls] == ["out", "out", "task_out", "exit"]
    (_, first, first_delta), (_, last, last_delta) = keep.calls[:2]
    assert first_delta.energy_consumed == pytest.approx(first.energy_consumed)
    assert last.duration > first.duration + 0.1
    # After a task the delta begins anew.
    assert last_delta.duration < 0.05
    assert [row.task_name for row in keep.calls[2][1]] == ["fit"]
    assert keep.calls[2][2] == "base"


def test_live_output_comes_every_so_many_measurements() -> None:
    keep, never = Keep(), Keep()
    arguments = {"measure_power_secs": 0.05, "force_ram_power": 10, "force_cpu_power": 0}
    tracker = EmissionsTracker(output_handlers=[keep], api_call_interval=2, **arguments)
    other = EmissionsTracker(output_handlers=[never], api_call_interval=-1, **arguments)
    for each in (tracker, other):
        each.start()
    began = time.monotonic()
    while len(keep.calls) < 5 and time.monotonic() - began < 30:
        time.sleep(0.05)
    for each in (tracker, other):
        each.stop()
    live = [call for call in keep.calls if call[0] == "live_out"]
    # Every second one of those that there was time for, start and stop included.
    assert 5 <= len(live) <= 2 + (time.monotonic() - began) / 0.05 / 2
    total = sum(call[2].energy_consumed for call in keep.calls if call[0] != "exit")
    assert total == pytest.approx(tracker.final_emissions_data.energy_consumed)
    assert [call[0] for call in never.calls] == ["out", "exit"]


def test_a_logger_gets_all_fields_as_json(caplog: pytest.LogCaptureFixture) -> None:
    own = logging.getLogger("mine")
    with (
        caplog.at_level(logging.INFO, logger="mine"),
        pytest.warns(DeprecationWarning, match="output_methods"),
        EmissionsTracker(
            save_to_logger=True, save_to_file=False, logging_logger=LoggerOutput(own, logging.INFO)
        ) as tracker,
    ):
        pass
    (record,) = [r for r in caplog.records if r.name == "mine"]
    fields = json.loads(record.getMessage())
    assert len(fields) == 38
    assert fields["run_id"] == str(tracker.run_id)


def test_a_logger_that_is_missing_is_warned_of(said: list[str]) -> None:
    tracker = EmissionsTracker(output_methods="logger")
    assert any("pass logging_logger=LoggerOutput" in line for line in said)
    tracker.start()
    assert tracker.stop() is not None


def test_google_cloud_gets_a_structure() -> None:
    kept: list[tuple[dict[str, Any], str]] = []

    class Cloud:
        def log_struct(self, fields: dict[str, Any], severity: str) -> None:
            kept.append((fields, severity))

    output = GoogleCloudLoggerOutput(Cloud(), logging.WARNING)
    with EmissionsTracker(output_handlers=[output], output_methods=[]):
        pass
    ((fields, severity),) = kept
    assert len(fields) == 38
    assert severity == "WARNING"


def test_an_address_gets_the_row_and_an_empty_user(server: Server) -> None:
    with EmissionsTracker(emissions_endpoint=f"{server.url}/row", output_methods=[]) as tracker:
        pass
    ((method, path, _, body),) = server.seen
    assert (method, path) == ("POST", "/row")
    sent = json.loads(body)
    assert sent["user"] == ""
    assert sent["emissions"] == tracker.final_emissions
    assert len(sent) == 39


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "gopher://x", "nonsense"])
def test_a_dead_address_costs_nothing(url: str, said: list[str]) -> None:
    with EmissionsTracker(emissions_endpoint=url, output_methods=[]) as tracker:
        pass
    assert tracker.final_emissions is not None
    assert any(line.startswith("ERROR Emissions could not be posted") for line in said)


def test_a_slow_address_is_not_waited_for() -> None:
    slow = Server(delay_s=8.0)
    tracker = EmissionsTracker(output_handlers=[HTTPOutput(slow.url)], output_methods=[])
    tracker.start()
    began = time.monotonic()
    assert tracker.stop() is not None
    assert time.monotonic() - began < 6.0
    slow.close()


def test_the_default_api_is_never_contacted(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("contacted"))
    with EmissionsTracker(output_methods="api"):
        pass
    assert any(
        line.startswith("WARNING Nothing is sent to https://api.codecarbon") for line in said
    )


def test_an_api_of_ones_own_gets_run_and_emissions(server: Server) -> None:
    tracker = EmissionsTracker(
        output_methods="api", api_endpoint=server.url, api_key="k", force_ram_power=10
    )
    tracker.start()
    time.sleep(1.1)
    tracker.flush()
    tracker.stop()
    assert [(method, path) for method, path, _, _ in server.seen] == [
        ("POST", "/runs"),
        ("POST", "/emissions"),
    ]
    headers = {name.lower(): value for name, value in server.seen[0][2].items()}
    assert headers["x-api-token"] == "k"
    sent = json.loads(server.seen[1][3])
    assert sent["run_id"] == "run-1"
    assert sent["emissions_sum"] > 0


def test_prometheus_gets_the_delta_and_the_group_goes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("prometheus_client")
    monkeypatch.setenv("PROMETHEUS_USERNAME", "me")
    monkeypatch.setenv("PROMETHEUS_PASSWORD", "word")
    with EmissionsTracker(
        "my project",
        experiment_name="a/b",
        output_methods="prometheus",
        prometheus_url=server.url,
    ):
        pass
    (put, where, headers, body), (delete, gone, _, _) = server.seen
    assert (put, delete) == ("PUT", "DELETE")
    assert where == gone == "/metrics/job/my_project_a_b"
    assert headers["Authorization"].startswith("Basic ")
    text = body.decode()
    for name in ("duration", "emissions", "cpu_power", "energy_consumed", "energy_total"):
        assert f"\ncodecarbon_{name}{{" in "\n" + text
    assert 'project_name="my project"' in text
    assert 'country_name=""' in text


def test_a_missing_library_is_said_and_the_rest_works(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "logfire", None)
    with EmissionsTracker(output_methods="csv,prometheus,logfire"):
        pass
    assert any("pip install 'microjoule[serve]'" in line for line in said)
    assert any("pip install logfire" in line for line in said)
    assert Path("emissions.csv").exists()


def test_logfire_is_set_where_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, list[Any]] = {}

    class Metric:
        def __init__(self, name: str) -> None:
            self.name = name

        def set(self, value: float, attributes: Any = None) -> None:
            kept.setdefault(self.name, []).append(value)

        add = set

    stand_in: Any = types.ModuleType("logfire")
    stand_in.configure = lambda **_: None
    stand_in.metric_gauge = lambda name, **_: Metric(name)
    stand_in.metric_counter = lambda name, **_: Metric(name)
    monkeypatch.setitem(sys.modules, "logfire", stand_in)
    with EmissionsTracker(output_methods="logfire") as tracker:
        pass
    assert kept["codecarbon_emissions"] == [tracker.final_emissions]
    assert kept["codecarbon_energy_total"] == [tracker.final_emissions_data.energy_consumed]


def test_a_boamps_report() -> None:
    task = {"taskStage": "training", "taskFamily": "classification"}
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA",
        output_methods="boamps",
        metadata={
            "boamps": {
                "task": task,
                "header": {"licensing": "CC BY 4.0"},
                "infrastructure": {"infraType": "privateCloud"},
                "quality": "high",
            }
        },
    )
    tracker.start()
    tracker.stop()
    report = json.loads(Path(f"boamps_report_{tracker.run_id}.json").read_text())
    data = tracker.final_emissions_data
    assert report["task"] == task
    assert report["quality"] == "high"
    assert report["header"]["formatVersion"] == "0.1"
    assert report["header"]["reportId"] == data.run_id
    assert report["header"]["licensing"] == "CC BY 4.0"
    (measure,) = report["measures"]
    assert measure["measurementMethod"] == "codecarbon"
    assert measure["powerConsumption"] == data.energy_consumed
    assert measure["measurementDuration"] == data.duration
    assert report["infrastructure"]["infraType"] == "privateCloud"
    kinds = [part["componentType"] for part in report["infrastructure"]["components"]]
    assert kinds == ["cpu", "ram"]
    assert report["environment"] == {"country": "France"}


def test_a_boamps_report_from_a_file_and_without_a_task(folder: Path) -> None:
    context = folder / "context.json"
    context.write_text(json.dumps({"task": {"taskStage": "inference", "nbRequest": 3}}))
    output = BoAmpsOutput.from_file(context)
    assert output.task == BoAmpsTask(task_stage="inference", nb_request=3)
    with pytest.warns(UserWarning, match="without a task is not valid"):
        BoAmpsOutput()
    with pytest.raises(TypeError):
        BoAmpsOutput.from_dict({"task": {"taskSteps": 1}})
