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
from typing import Final, NamedTuple, NoReturn

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
_FATAL: Final[frozenset[int]] = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
)
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


class Child:
    """One command: made at once, held until `start`.

    It is made before the first thread is: a fork of several threads is a hazard, and the threads
    that come later inherit the mask in which every signal waits for `wait`. To be used once, in the
    main thread.

    Args:
        command: The program and its arguments; not empty.
    """

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._stop_asked = 0
        self._stopped = False
        before = _Signals.block()
        for number in signal.sigpending() & _FATAL:
            if signal.getsignal(number) is not signal.SIG_IGN:
                # Ended before the command was there to end.
                die_by(number)
        go, self._go = os.pipe()
        self._failure, failure = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._go)
            _become(command, before, go, failure)
        os.close(go)
        os.close(failure)
        # What a terminal sent until now may have been too early for the command. If it was not, it
        # waits there, blocked as it is here, and a second one of its kind changes nothing.
        while (info := signal.sigtimedwait(HANDLED, 0)) is not None:
            self._take(info, missed=True)

    def start(self) -> None:
        """Lets the command go.

        Raises:
            CannotRunError: It cannot be run.
        """
        try:
            os.write(self._go, b"1")
        except BrokenPipeError:
            # Killed while it was held: `wait` says by what.
            pass
        os.close(self._go)
        failure = os.read(self._failure, 16)
        os.close(self._failure)
        if failure:
            os.waitpid(self._pid, 0)
            raise _why_not(self._command[0], int(failure))

    def cancel(self) -> None:
        """Lets go of a command that was not started: it never is."""
        os.close(self._go)
        os.close(self._failure)
        os.waitpid(self._pid, 0)

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


class _Signals(NamedTuple):
    """How a process treats signals, to be handed on to the command as it was."""

    mask: set[int]
    defaults: tuple[int, ...]
    ignored: tuple[int, ...]

    @classmethod
    def block(cls) -> _Signals:
        """Blocks every signal that `Child` takes care of; returns how things were."""
        mask = {int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)}
        # Python ignores two for itself, and handles Ctrl-C; a command expects them as by default.
        defaults = [signal.SIGPIPE, signal.SIGXFSZ]
        if callable(signal.getsignal(signal.SIGINT)):
            defaults.append(signal.SIGINT)
        ignored = []
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # The kernel would reap the command, and its status would be lost.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ignored.append(signal.SIGCHLD)
        return cls(mask, tuple(defaults), tuple(ignored))

    def restore(self) -> None:
        """Puts everything back, in the command's own process."""
        for number in self.defaults:
            signal.signal(number, signal.SIG_DFL)
        for number in self.ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)


def _become(command: list[str], before: _Signals, go: int, failure: int) -> NoReturn:
    """Waits for the word, then is the command; says the error number where it cannot be."""
    name = command[0]
    try:
        if os.read(go, 1):
            # Looked up here: os.execvp goes on to the next folder after a script without "#!".
            path = shutil.which(name) or name
            before.restore()
            try:
                os.execvp(path, command)
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                # No "#!" line: the shell's, as the C library's execvp has it.
                os.execv("/bin/sh", ["sh", path, *command[1:]])
    except OSError as error:
        os.write(failure, str(error.errno).encode())
    finally:
        os._exit(NOT_FOUND)


def _why_not(name: str, number: int) -> CannotRunError:
    if number not in (errno.ENOENT, errno.ENOTDIR):
        return CannotRunError(f"cannot run {name!r}: {os.strerror(number)}", NOT_EXECUTABLE)
    if shutil.which(name):
        sentence = f"cannot run {name!r}: the interpreter in its first line does not exist"
        return CannotRunError(sentence, NOT_EXECUTABLE)
    return CannotRunError(f"command not found: {name!r}", NOT_FOUND)
