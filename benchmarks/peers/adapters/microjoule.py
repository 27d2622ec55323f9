"""microjoule: a token opens a window; the figure is final a few milliseconds after its end."""

NOTE = (
    "a thread of its own samples; a figure is final after the settle time, which the pair "
    "leaves out"
)


def load() -> None:
    global uj
    import microjoule as uj


def ready() -> None:
    global meter
    meter = uj.meter()


def begin():
    return meter.begin()


def end(token):
    return meter.end(token)


def wait(measurement) -> None:
    measurement.wait(5.0)


def joules(measurement) -> float:
    return measurement.energy_j


def caveat(measurement) -> str:
    return "" if measurement.quality == "measured" else measurement.reason


def mark() -> None:
    meter.end(meter.begin())


def close() -> None:
    meter.close()
