"""The parent of the worker processes: starts them, starts them again, adds up their counts, and ends them."""

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType

from msgspec import Struct

from extractor.serve.arguments import ServeOptions
from extractor.serve.http import Health
from extractor.serve.metrics import Counts, exposition, sample
from extractor.serve.worker import DRAIN, SETTINGS_STATUS, run_worker

logger = logging.getLogger(__name__)

KILLED_STATUS = 137
"""Exit status after a second signal."""

_SPAWN = get_context("spawn")  # a fork would copy the threads' locks
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LONGEST_PAUSE_SECONDS = 30.0
_STABLE_SECONDS = 60.0  # a process that lived so long was no failed start
_KILL_AFTER_SECONDS = 10.0  # on top of what the processes may take, for giving messages back
_IN_HAND = sample("messages_in_hand")


class _Child(Struct, eq=False):
    process: BaseProcess
    connection: Connection
    started_at: float
    in_hand: int = 0


class Supervisor:
    """Keeps worker processes running until a signal arrives.

    Args:
        options: The command line.
        start: The entry point of a worker process.
    """

    def __init__(
        self, options: ServeOptions, start: Callable[[ServeOptions, Connection], None] = run_worker
    ) -> None:
        self._options = options
        self._start = start
        self._children: dict[int, _Child] = {}
        self._due = dict.fromkeys(range(options.processes), 0.0)  # when to start each that does not run
        self._quick_ends: Counter[int] = Counter()  # of the process in each place, in a row
        self._counts: Counts = Counter()
        self._lock = threading.Lock()  # of what the HTTP threads read
        self._kill_at: float | None = None  # set while draining
        self._status = 0

    def run(self) -> int:
        """Work until a signal arrives and all processes have ended; return the exit status."""
        try:
            with _signals() as received:
                while self._kill_at is None or self._children:
                    if self._kill_at is None:
                        self._start_due()
                    self._take(wait([received.reader, *self._handles()], timeout=self._seconds_to_wait()))
                    self._heed(received.read())
        finally:
            self._kill()
        return self._status

    def health(self) -> Health:
        """Return whether messages are taken."""
        with self._lock:
            if self._kill_at is not None:
                return Health(is_well=False, text="draining")
            running, wanted = len(self._children), self._options.processes
            return Health(is_well=running > 0, text=f"{running} of {wanted} processes run")

    def metrics(self) -> str:
        """Return the metrics in Prometheus's text format."""
        with self._lock:
            gauges = {
                sample("processes"): len(self._children),
                _IN_HAND: sum(child.in_hand for child in self._children.values()),
                sample("draining"): int(self._kill_at is not None),
            }
            return exposition({**self._counts, **gauges})

    def _handles(self) -> "Iterator[Connection | int]":
        for child in self._children.values():
            yield child.process.sentinel
            if not child.connection.closed:
                yield child.connection

    def _start_due(self) -> None:
        for place, due in list(self._due.items()):
            if due <= time.monotonic():
                try:
                    child = self._start_child()
                except OSError as error:
                    logger.error("a worker process cannot be started", extra={"detail": str(error)})  # noqa: TRY400 - it says all
                    self._due[place] = time.monotonic() + _LONGEST_PAUSE_SECONDS
                    continue
                logger.info("a worker process has started", extra={"pid": child.process.pid})
                with self._lock:
                    del self._due[place]
                    self._children[place] = child

    def _start_child(self) -> _Child:
        """Start a process. Raises `OSError` if the system has no room for it."""
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=self._start, args=(self._options, theirs), daemon=True)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return _Child(process, ours, time.monotonic())

    def _seconds_to_wait(self) -> float | None:
        moments = [self._kill_at] if self._kill_at is not None else self._due.values()
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _take(self, ready: Sequence[object]) -> None:
        for place, child in list(self._children.items()):
            if child.connection in ready:
                self._add_counts(child)
            if child.process.sentinel in ready:
                self._add_counts(child)  # what it has sent last
                self._bury(place, child)

    def _add_counts(self, child: _Child) -> None:
        try:
            while not child.connection.closed and child.connection.poll():
                counts: Counts = child.connection.recv()
                with self._lock:
                    child.in_hand += int(counts.pop(_IN_HAND, 0))
                    self._counts.update(counts)
        except (EOFError, OSError):
            child.connection.close()

    def _bury(self, place: int, child: _Child) -> None:
        """Take note of the end of a process, and have another one started in its place."""
        child.process.join()
        child.connection.close()
        code = child.process.exitcode
        with self._lock:
            del self._children[place]
        if self._kill_at is not None:
            return
        if code == SETTINGS_STATUS:
            self._status = code
            self._drain()
            return
        is_quick = time.monotonic() - child.started_at < _STABLE_SECONDS
        self._quick_ends[place] = self._quick_ends[place] + 1 if is_quick else 0
        pause = min(_LONGEST_PAUSE_SECONDS, 2.0 ** (self._quick_ends[place] - 2)) if is_quick else 0.0
        with self._lock:
            self._counts[sample("process_ends_total")] += 1
            self._due[place] = time.monotonic() + pause
        logger.error("a worker process has ended; another one is started", extra={"status": code})

    def _heed(self, signals: int) -> None:
        if signals and self._kill_at is None:
            logger.info("draining: no more messages are taken")
            self._drain()
        if self._kill_at is not None and (signals > 1 or time.monotonic() >= self._kill_at):
            if signals > 1:
                self._status = KILLED_STATUS
            self._kill()

    def _kill(self) -> None:
        for child in self._children.values():
            child.process.kill()

    def _drain(self) -> None:
        options = self._options
        with self._lock:
            self._kill_at = (
                time.monotonic() + options.grace_seconds + options.wait_seconds + _KILL_AFTER_SECONDS
            )
        for child in self._children.values():
            with suppress(OSError):  # it has just ended
                child.connection.send(DRAIN)


class _Received:
    """Counts signals. `reader` is a descriptor that becomes readable at each."""

    def __init__(self) -> None:
        self._count = 0
        self.reader, self._writer = os.pipe()
        for descriptor in (self.reader, self._writer):
            os.set_blocking(descriptor, False)

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        self._count += 1
        with suppress(BlockingIOError):
            os.write(self._writer, b"x")

    def read(self) -> int:
        """Return how many signals have arrived so far."""
        with suppress(BlockingIOError):
            os.read(self.reader, 4096)
        return self._count

    def close(self) -> None:
        """Close the descriptors."""
        os.close(self.reader)
        os.close(self._writer)


@contextmanager
def _signals() -> Iterator[_Received]:
    received = _Received()
    before = {number: signal.signal(number, received.note) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        received.close()
