"""A worker process: receives a message, handles it as the Lambda function does, and settles it, in a loop."""

import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeAlias

from msgspec.structs import replace

from extractor.app import App, build_app
from extractor.backends.queues.sqs.source import QueueFacts, SqsSource
from extractor.container import build_queue_source
from extractor.domain.results import JobResult
from extractor.errors import AccessDeniedError, QueueUnavailableError, SettingsError
from extractor.media.ffmpeg.threads import decoder_threads
from extractor.serve.arguments import ServeOptions
from extractor.serve.hand import Hand
from extractor.serve.metrics import Counts, counts_of, sample
from extractor.settings import Settings, load_settings

logger = logging.getLogger(__name__)

DRAIN = "drain"
"""What the parent sends to end a worker. The end of the connection means the same."""

SETTINGS_STATUS = 2
"""Exit status of a worker whose settings are wrong: another start cannot help."""

_LONGEST_PAUSE_SECONDS = 30.0
_OVERTIME_SECONDS = 60.0
_BEATS = 3  # in the time of a visibility: two of them may fail

Report: TypeAlias = Callable[[Counts], None]
Handle: TypeAlias = Callable[[Mapping[str, Any]], bool]
"""Handles a record; returns whether its message is done."""


def run_worker(options: ServeOptions, connection: Connection) -> None:
    """Work until the parent says otherwise. The entry point of the process.

    Args:
        options: The command line.
        connection: Leads to the parent, which gets `Counts`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # they may reach the whole group; the parent decides
        signal.signal(number, _leave_to_parent)
    report = _Reporter(connection)
    try:
        settings = settings_of_a_process(load_settings(os.environ), options.processes)
        app = build_app(settings)
        app = app._replace(worker=replace(app.worker, report=_reporting(app, report)))
        seconds = options.seconds_per_message(claims=app.worker.context.state.keyed_by_version)
        source = build_queue_source(settings)
        loop = Loop(source, partial(handle, app, seconds), options, report, longest_seconds=seconds)
        threading.Thread(target=_obey, args=(connection, loop), name="parent", daemon=True).start()
        loop.run()
    except SettingsError as error:
        logger.error("the settings are wrong", extra={"detail": str(error)})  # noqa: TRY400 - it says all
        sys.exit(SETTINGS_STATUS)


def handle(app: App, seconds: float, record: Mapping[str, Any]) -> bool:
    """Handle one record as a batch of its own; return whether its message is done.

    Args:
        app: The worker.
        seconds: How long it may take.
        record: The record, as Lambda's event source makes it.
    """
    deadline = time.monotonic() + seconds
    try:
        batch = app.batch([record], deadline, last_start=deadline)
        batch.work()
        return not batch.unfinished
    finally:
        app.telemetry.flush()


def settings_of_a_process(settings: Settings, processes: int) -> Settings:
    """Return the settings of one of several processes, which share the CPUs."""
    threads = settings.ffmpeg_threads or decoder_threads(videos=processes)
    return settings.model_copy(update={"records_at_once": 1, "ffmpeg_threads": threads})


class Loop:
    """Takes one message after the other.

    Args:
        source: The queue.
        handle: Handles a record; returns whether its message is done.
        options: The command line.
        report: Receives counts.
        longest_seconds: How long `handle` may take.
    """

    def __init__(
        self,
        source: SqsSource,
        handle: Handle,
        options: ServeOptions,
        report: Report,
        longest_seconds: float,
    ) -> None:
        self._source = source
        self._handle = handle
        self._options = options
        self._report = report
        self._hand = Hand(source, options.visibility_seconds, lambda key: report(Counter([key])))
        self._draining = threading.Event()
        self._ended = threading.Event()
        self._longest_seconds = longest_seconds

    @cached_property
    def _facts(self) -> QueueFacts:
        return self._source.facts()

    def run(self) -> None:
        """Take messages until `drain` is called.

        Raises:
            SettingsError: There is no such queue.
        """
        threading.Thread(target=self._keep_hidden, name="visibility", daemon=True).start()
        failures = 0
        try:
            while not self._draining.is_set():
                try:
                    self.step()
                    failures = 0
                except (AccessDeniedError, QueueUnavailableError) as error:
                    failures += 1
                    self._report(Counter([sample("queue_errors_total")]))
                    logger.warning(
                        "the queue is unavailable", extra={"reason": error.reason, "detail": str(error)}
                    )
                    self._draining.wait(min(_LONGEST_PAUSE_SECONDS, 2.0 ** (failures - 1)))
        finally:
            self._ended.set()

    def step(self) -> None:
        """Wait for a message, handle it and settle it.

        The message is deleted after its outcome is recorded. One that failed stays hidden for the visibility
        timeout of the queue, as after a failed batch of Lambda.

        Raises:
            AccessDeniedError: The queue cannot be read.
            QueueUnavailableError: The queue cannot be reached.
            SettingsError: There is no such queue.
        """
        options = self._options
        facts = self._facts
        record = self._source.receive(facts.arn, options.visibility_seconds, options.wait_seconds)
        if record is None:
            return
        self._hand.take(record)
        if self._draining.is_set():
            self._hand.give_back(0)
            return
        self._report(
            Counter({sample("messages_in_hand"): 1, sample("messages_total", outcome="received"): 1})
        )
        try:
            if self._handle(record):
                self._hand.delete()
            else:
                self._hand.give_back(facts.visibility_seconds)
        finally:
            self._report(Counter({sample("messages_in_hand"): -1}))

    def _keep_hidden(self) -> None:
        """Prolong the visibility of the message in hand; end the process if it hangs."""
        while not self._ended.wait(self._options.visibility_seconds / _BEATS):
            if self._hand.held_seconds > self._longest_seconds + _OVERTIME_SECONDS:
                logger.error("the process hangs: a message takes longer than --max-seconds allows")
                os._exit(1)
            self._hand.prolong()

    def drain(self) -> None:
        """Take no more messages; give back the one in hand if it is not done in time, and end the process."""
        self._draining.set()
        if self._ended.wait(self._options.grace_seconds):
            return
        if self._hand.is_empty:
            self._ended.wait()  # until the call to the queue ends: its message would be hidden for a while
        else:
            logger.warning("given back: it was not done within the time of --grace")
            self._hand.give_back(0)
            os._exit(0)  # FFmpeg ends with this process, and the next job sweeps its files


class _Reporter:
    """Sends counts to the parent. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __call__(self, counts: Counts) -> None:
        with self._lock, suppress(OSError):  # the parent is gone, and this process ends soon
            self._connection.send(counts)


def _reporting(app: App, report: Report) -> Callable[[JobResult | Exception], None]:
    """Return the function that gets the results of jobs: it counts for CloudWatch, and for the parent."""

    def both(result: JobResult | Exception) -> None:
        app.worker.report(result)
        report(counts_of(result))

    return both


def _obey(connection: Connection, loop: Loop) -> None:
    """Drain when the parent says so, or is gone."""
    with suppress(EOFError, OSError):
        connection.recv()
    loop.drain()


def _leave_to_parent(_number: int, _frame: FrameType | None) -> None:
    """Ignore a signal. Unlike SIG_IGN, this does not apply to FFmpeg."""
