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
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from extractor.cli.terminal import TerminatedError

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_POLL_SECONDS = 1.0
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class WorkerEndedError(Exception):
    """The worker process of a task ended before the task was done."""


class _Worker(Struct, Generic[_Task]):
    """A worker process.

    Attributes:
        process: The process.
        number: The number of its task.
    """

    process: BaseProcess
    number: int


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
        OSError: The system has no room for even one worker process.
    """
    running: dict[Connection, _Worker[_Task]] = {}
    results: dict[int, _Result | WorkerEndedError] = {}
    waiting = deque(range(len(tasks)))
    first = 0
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                try:
                    connection, process = _start(work)
                except OSError:
                    if not running:
                        raise
                    workers = len(running)
                    break
                running[connection] = _Worker(process, waiting.popleft())
                connection.send(tasks[running[connection].number])
            for connection in cast("list[Connection]", wait(list(running))):
                worker = running[connection]
                try:
                    results[worker.number] = connection.recv()
                except (EOFError, OSError):
                    results[worker.number] = _end(running, connection)
                    continue
                if waiting:
                    worker.number = waiting.popleft()
                    connection.send(tasks[worker.number])
                else:
                    _end(running, connection)
            while first in results:
                yield results.pop(first)
                first += 1
    finally:
        for worker in running.values():
            worker.process.terminate()
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


def _end(running: dict[Connection, Any], connection: Connection) -> WorkerEndedError:
    """Terminate a worker, wait for its end, and return the error of its task."""
    process = running.pop(connection).process
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
