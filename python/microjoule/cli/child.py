"""A command run so that nobody notices: its streams, signals and end are passed on untouched.

Every signal that can be caught is blocked in this process and taken off one by one. A signal from
the terminal (the kernel sends it to the whole foreground group) has reached the command already;
one that another process sent to us is passed on. When the command stops, we stop; when a signal
kills it, we end by the same one, so that a shell and a parent see what they would have seen without
us. A process that signals the whole group (not a terminal) reaches the command twice: what it sent
to us looks the same whether or not others got it too.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

# What Linux says of a signal that the kernel sent, as a terminal does (siginfo_t.si_code).
_SI_KERNEL: Final = 0x80
_JOB_CONTROL: Final = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
# Never blocked: the two that cannot be, and faults of this process itself.
_LEFT_ALONE: Final = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGABRT,
        signal.SIGSYS,
    }
)
HANDLED: Final[frozenset[int]] = frozenset(signal.valid_signals()) - _LEFT_ALONE
_FATAL: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        status: Its exit status; 128 + n where signal n ended it.
        signal: The signal that ended it, or 0.
        cpu_s: CPU time of the command and of those of its children that it waited for.
    """

    status: int
    signal: int
    cpu_s: float


class CannotRunError(Exception):
    """A command could not be started; the sentence says why.

    Attributes:
        status: What a shell exits with then: 127 not found, 126 cannot be executed.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def block_signals() -> set[int]:
    """Blocks every signal that `Child` takes care of, in this thread and those that it starts.

    To be called before the first thread is started: a signal to the process goes to any thread that
    does not block it.

    Returns:
        The mask as it was, which the command gets.
    """
    before = {int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)}
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        # Inherited so, the kernel would reap the command and its status would be lost.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return before


class Child:
    """One running command.

    Args:
        command: The program and its arguments; not empty.
        mask: The signal mask that the command gets, from `block_signals`.

    Raises:
        CannotRunError: It could not be started.
    """

    def __init__(self, command: Sequence[str], mask: set[int]) -> None:
        for number in _pending():
            if number in _FATAL:
                # Ended before the command was there to end.
                die_by(number)
        self._stop_asked = 0
        self._stopped = False
        self._pid = _spawn(command, mask)
        # What a terminal sent while the command was being made may have missed it.
        for info in _drain():
            self._take(info, missed=True)

    def wait(self) -> Ended:
        """Passes signals on until the command has ended."""
        while True:
            options = os.WNOHANG | os.WUNTRACED | os.WCONTINUED
            pid, status, usage = os.wait4(self._pid, options)
            if pid == 0:
                self._take(signal.sigwaitinfo(HANDLED), missed=False)
            elif os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
                self._stopped = os.WIFSTOPPED(status)
            else:
                break
            # Only a stop that reached us as well (Ctrl-Z, a read from the background) is ours too,
            # in whichever order the two are seen: after `kill -STOP` of the command alone, nobody
            # would wake us.
            if self._stopped and self._stop_asked:
                self._stop_too()
        cpu_s = usage.ru_utime + usage.ru_stime
        if os.WIFSIGNALED(status):
            return Ended(128 + os.WTERMSIG(status), os.WTERMSIG(status), cpu_s)
        return Ended(os.WEXITSTATUS(status), 0, cpu_s)

    def _take(self, info: signal.struct_siginfo, *, missed: bool) -> None:
        number = info.si_signo
        if number == signal.SIGCHLD:
            return
        if number in _JOB_CONTROL:
            self._stop_asked = number
        elif number == signal.SIGCONT:
            self._stop_asked = 0
        from_terminal = info.si_code == _SI_KERNEL
        if (from_terminal and not missed) or info.si_pid == os.getpid():
            return
        try:
            os.kill(self._pid, number)
        except (ProcessLookupError, PermissionError):
            # Gone just now, or another user's by now: sent to it directly, it would fail too.
            pass

    def _stop_too(self) -> None:
        number, self._stop_asked, self._stopped = self._stop_asked, 0, False
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})


def die_by(number: int) -> int:
    """Ends this process by a signal, without a core file.

    Returns:
        128 + number, where the signal does not end us: the first process of a container is immune.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            # Closed, full or never there: no reason not to end.
            pass
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    return 128 + number


def _pending() -> list[int]:
    return [int(s) for s in signal.sigpending()]


def _drain() -> list[signal.struct_siginfo]:
    found = []
    while (info := signal.sigtimedwait(HANDLED, 0)) is not None:
        found.append(info)
    return found


def _spawn(command: Sequence[str], mask: set[int]) -> int:
    # Python ignores these two for itself; a command expects them as they are by default.
    defaults = [signal.SIGPIPE, signal.SIGXFSZ]
    name = command[0]
    try:
        try:
            return os.posix_spawnp(name, command, os.environ, setsigmask=mask, setsigdef=defaults)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # No "#!" line: the shell's, as execvp has it.
            script = shutil.which(name) or name
            return os.posix_spawn(
                "/bin/sh",
                ["sh", script, *command[1:]],
                os.environ,
                setsigmask=mask,
                setsigdef=defaults,
            )
    except FileNotFoundError as error:
        if shutil.which(name):
            sentence = f"cannot run {name!r}: the interpreter in its first line does not exist"
            raise CannotRunError(sentence, NOT_EXECUTABLE) from error
        raise CannotRunError(f"command not found: {name!r}", NOT_FOUND) from error
    except OSError as error:
        raise CannotRunError(f"cannot run {name!r}: {error.strerror}", NOT_EXECUTABLE) from error
