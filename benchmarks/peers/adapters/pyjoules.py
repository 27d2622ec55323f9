"""pyJoules: opens and reads the counter file at both ends."""

NOTE = "opens and reads the counter at both ends"


def load() -> None:
    global EnergyMeter, devices
    from pyJoules.device.rapl_device import RaplDevice, RaplPackageDomain
    from pyJoules.energy_meter import EnergyMeter

    def devices():
        device = RaplDevice()
        device.configure([RaplPackageDomain(0)])
        return [device]


def ready() -> None:
    global rapl
    rapl = devices()


def begin():
    meter = EnergyMeter(rapl)
    meter.start(tag="window")
    return meter


def end(meter):
    meter.stop()
    return meter.get_trace()


def joules(trace) -> float:
    return sum(trace["window"].energy.values()) * 1e-6
