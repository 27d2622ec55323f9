"""pyRAPL: reads the counter file at both ends, through descriptors it keeps."""

NOTE = "reads the counter at both ends"


def load() -> None:
    global pyRAPL
    import pyRAPL


def ready() -> None:
    pyRAPL.setup(devices=[pyRAPL.Device.PKG])


def begin():
    measurement = pyRAPL.Measurement("window")
    measurement.begin()
    return measurement


def end(measurement):
    measurement.end()
    return measurement.result


def joules(result) -> float:
    return sum(result.pkg) * 1e-6
