"""Do several tasks at a time, each in one of a few worker processes, with the results in order.

Processes, because Python code of several threads takes turns, and because a task that Ctrl-C ends must
clean up in its main thread.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TypeVar, cast

from extractor.cli.terminal import TerminatedError
from extractor.errors import DecoderNotStartedError

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_POLL_SECONDS = 1.0
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class WorkerEndedError(Exception):
    """The worker process of a task ended before the task was done."""


def results_in_order(
    work: Callable[[_Task], _Result], tasks: Sequence[_Task], workers: int
) -> Generator[_Result | WorkerEndedError, None, None]:
    """Yield `work(task)` for each task, in the order of the tasks.

    Workers are terminated when the iterator is closed, and at an exception such as `KeyboardInterrupt`: they
    get SIGTERM, clean up, and are waited for.

    Args:
        work: A function that raises no exception.
        tasks: The tasks.
        workers: The number of tasks at a time, at least 1.

    Yields:
        The results; `WorkerEndedError` for a task whose worker process ended, such as by lack of memory.

    Raises:
        DecoderNotStartedError: The system has no room for even one worker process.
    """
    running: dict[Connection, BaseProcess] = {}
    numbers: dict[Connection, int] = {}  # of the tasks of the workers
    results: dict[int, _Result | WorkerEndedError] = {}
    waiting = deque(range(len(tasks)))
    first = 0

    def assign(connection: Connection, number: int) -> None:
        numbers[connection] = number
        try:
            connection.send(tasks[number])
        except OSError:  # the worker has ended meanwhile
            results[number] = _end(running, connection)

    try:
        while waiting or running:
            while waiting and len(running) < workers:
                try:
                    connection, process = _start(work)
                except OSError as error:
                    if not running:
                        raise DecoderNotStartedError(
                            f"cannot start a worker process: {error.strerror}"
                        ) from error
                    workers = len(running)
                    break
                running[connection] = process
                assign(connection, waiting.popleft())
            for connection in cast("list[Connection]", wait(list(running))):
                try:
                    results[numbers[connection]] = connection.recv()
                except (EOFError, OSError):
                    results[numbers[connection]] = _end(running, connection)
                    continue
                if waiting:
                    assign(connection, waiting.popleft())
                else:
                    _end(running, connection)
            while first in results:
                yield results.pop(first)
                first += 1
    finally:
        for process in running.values():
            process.terminate()
        for connection in list(running):
            _end(running, connection)


def _start(work: Callable[[_Task], _Result]) -> tuple[Connection, BaseProcess]:
    """Start a worker process. Raises `OSError` if the system has no room for it."""
    ours, theirs = multiprocessing.Pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until the worker has its own handlers
    try:
        process = multiprocessing.Process(target=_serve, args=(work, theirs, os.getpid()), daemon=True)
        process.start()
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return ours, process


def _end(running: dict[Connection, BaseProcess], connection: Connection) -> WorkerEndedError:
    """Terminate a worker, wait for its end, and return the error of its task."""
    process = running.pop(connection)
    process.terminate()
    process.join()
    connection.close()
    return WorkerEndedError(f"its worker process ended with status {process.exitcode}")


def _serve(work: Callable[[_Task], _Result], connection: Connection, parent: int) -> None:
    """Do tasks until SIGTERM is received or the parent process has ended."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise TerminatedError(number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, stop)
    with suppress(TerminatedError, EOFError, OSError):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        while True:
            while not connection.poll(_POLL_SECONDS):
                if os.getppid() != parent:
                    return
            connection.send(work(connection.recv()))
