"""docs/serving.md: its programs serve, and count."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from sim.bed import PowercapBed

PAGE = (Path(__file__).parents[2] / "docs/serving.md").read_text(encoding="utf-8")


def counted(what: str) -> float:
    labels = {"route": "GET /predict", "outcome": "completed"}
    return REGISTRY.get_sample_value(f"microjoule_request_energy_joules_{what}", labels) or 0.0


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_programs_of_the_page_count_joules(
    bed: PowercapBed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    caplog.set_level("INFO", logger="energy")
    names: dict[str, object] = {}
    for program in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(program, "docs/serving.md", "exec"), names)
    transport = httpx.ASGITransport(names["app"])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
        for _ in range(3):
            assert (await client.get("/predict")).json() == ["forty", "two"]
    until = time.monotonic() + 10
    while counted("count") < 3 and time.monotonic() < until:
        time.sleep(0.01)
    names["meter"].close()  # type: ignore[attr-defined]
    assert counted("count") == 3
    assert counted("sum") > 0
    assert caplog.messages[0].startswith("GET /predict completed 0.")
