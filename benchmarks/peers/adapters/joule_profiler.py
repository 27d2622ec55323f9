"""joule-profiler: phases of one session; a phase ends where the next one begins."""

import itertools

NOTE = (
    "phases of one session, one at a time; another process reads at both ends, and "
    "answers after the settle time"
)
names = itertools.count()
ended = {}  # phases by their names, until their figures are asked for


def load() -> None:
    global JouleProfiler
    from joule_profiler import JouleProfiler


def ready() -> None:
    global session
    # Its default is perf, which this machine need not have.
    profiler = JouleProfiler(["rapl"], define={"sources.rapl.backend": "powercap"})
    session = profiler.session()
    session.__enter__()


def begin():
    name = f"window {next(names)}"
    session.phase(name)
    return name


def end(name):
    session.phase("between")
    return name


def wait(name) -> None:
    while name not in ended:
        phase = next(session.phases)
        ended[phase.name.partition(" ->")[0]] = phase


def joules(name) -> float:
    phase = ended.pop(name)
    return sum(metric.value for source in phase.sources for metric in source.metrics) * 1e-6


def close() -> None:
    session.__exit__(None, None, None)
