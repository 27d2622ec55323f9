"""CodeGreen: tasks of one session, or checkpoints whose figures come at exit."""

import itertools
import math

NOTE = (
    "a thread of its own samples; tasks of one session. Pairs without a figure are "
    "checkpoints, whose figures come at exit"
)
names = itertools.count()


def load() -> None:
    global codegreen, runtime
    import codegreen
    from codegreen.instrumentation.language_runtimes.python import codegreen_runtime as runtime


def ready() -> None:
    global session
    session = codegreen.Session(
        save_to_file=False, output_format="none", warn_on_concurrent=False
    ).start()


def begin():
    name = f"window {next(names)}"
    session.start_task(name)
    return name


def end(name):
    return session.stop_task(name)


def joules(task) -> float:
    return task.energy_j if task is not None else math.nan


def mark() -> None:
    runtime.checkpoint("1", "window", "enter")
    runtime.checkpoint("1", "window", "exit")


def close() -> None:
    session.stop()
