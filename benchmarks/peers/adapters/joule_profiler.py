"""joule-profiler: phases of one session; a phase ends where the next one begins."""

import itertools

NOTE = (
    "phases of one session, one at a time; another process reads at both ends, and "
    "answers after the settle time"
)
names = itertools.count()


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
    return [name]


def end(phase):
    session.phase("between")
    return phase


def wait(phase) -> None:
    name = phase[0]
    while len(phase) == 1:
        ended = next(session.phases)
        if ended.name.startswith(f"{name} ->"):
            phase.append(ended)


def joules(phase) -> float:
    return sum(metric.value for source in phase[1].sources for metric in source.metrics) * 1e-6


def close() -> None:
    session.__exit__(None, None, None)
