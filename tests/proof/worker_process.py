"""Deliveries to the real handler, in a process of their own that may be killed at any effect.

The process is forked from one in which everything is imported and built, and nothing connected: it is
as new as a cold start, at a fraction of its time.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from logging import StreamHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, cast

from msgspec.structs import replace

import lambda_function
from extractor.app import App, build_app
from extractor.backends.aws import build_client
from extractor.backends.queues.sqs.source import SqsSource, build_source_client
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.backends.telemetry import logger
from extractor.errors import ExtractorError
from extractor.serve.arguments import ServeOptions
from extractor.serve.worker import Loop, handle
from extractor.settings import load_settings
from tests.handler.conftest import Context
from tests.proof.effects import Fault, Ledger
from tests.proof.footprint import Footprint, footprint
from tests.proof.interception import hook
from tests.proof.stores import Store

Event = Mapping[str, Any]

OPTIONS = ServeOptions(
    processes=1, grace_seconds=0, max_seconds=None, visibility_seconds=0, wait_seconds=1, listen=None
)
"""Of a worker outside of Lambda whose messages are visible to others at once."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended: by the fault (`killed`), or with the handler's `answer`."""

    killed: bool
    met: bool = False
    answer: Mapping[str, Any] = field(default_factory=dict)
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """A forked process, and where it will tell what came of its work."""

    pid: int
    reader: int
    log: Path

    def result(self) -> Any:
        """`None` if it was killed."""
        with os.fdopen(self.reader, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            return None
        assert os.WEXITSTATUS(status) == 0, self.log.read_text()[-4000:]
        return json.loads(told)


@dataclass(frozen=True, slots=True)
class Lane:
    """Where workers run: a warm machine with its disk. Only forked processes use its `app`."""

    app: App
    store: Store
    log: Path

    @property
    def work_dir(self) -> Path:
        return self.app.settings.work_dir

    def run(self, event: Event, fault: Fault | None, later_seconds: float) -> Ended:
        """Invoke the handler in a new process whose clock is `later_seconds` ahead."""
        return _ended(self._start(partial(self._once, event, fault, later_seconds)))

    def serve(self, queue_url: str, fault: Fault | None, later_seconds: float) -> Ended:
        """Let a new process outside of Lambda take one message from the queue, and settle it itself. Others
        see the message all the while, as if its visibility had ended."""
        return _ended(self._start(partial(self._serve_once, queue_url, fault, later_seconds)))

    def run_together(self, event: Event, workers: int) -> list[Ended]:
        """Invoke the handler in so many new processes at once."""
        processes = [self._start(partial(self._once, event, None, 0.0)) for _ in range(workers)]
        return [_ended(process) for process in processes]

    def run_warm(self, deliveries: Sequence[tuple[Event, Fault | None]], looks: int) -> list[Footprint]:
        """Invoke the handler with one after the other in one process; its footprint at so many moments,
        evenly spread, the last one at the end."""
        told = self._start(partial(self._warm, deliveries, looks)).result()
        return [Footprint(**values) for values in told]

    def _start(self, work: Callable[[], object]) -> Process:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self._work(writer, work)
        os.close(writer)
        return Process(child, reader, self.log)

    def _work(self, writer: int, work: Callable[[], object]) -> NoReturn:
        """What the new process does."""
        status = 1
        try:
            with self.log.open("a") as log, os.fdopen(writer, "w") as pipe:
                sys.stdout = sys.stderr = log
                cast(StreamHandler[Any], logger.registered_handler).setStream(log)
                try:
                    json.dump(work(), pipe)
                    status = 0
                except BaseException:  # noqa: BLE001 - it is told, and the process ends
                    traceback.print_exc()
        finally:
            os._exit(status)

    def _once(self, event: Event, fault: Fault | None, later_seconds: float) -> object:
        ledger = Ledger(fault)
        hook(ledger)
        answer = self._invoke(event, later_seconds)
        return {"met": ledger.met, "answer": answer, "effects": ledger.effects}

    def _serve_once(self, queue_url: str, fault: Fault | None, later_seconds: float) -> object:
        ledger = Ledger(fault)
        hook(ledger)
        self._open_app(later_seconds)
        handle_record = partial(handle, lambda_function._app(), 60.0)
        source = SqsSource(build_source_client(build_client), queue_url)
        loop = Loop(source, handle_record, OPTIONS, lambda _: None, longest_seconds=60.0)
        try:
            loop.step()
        except ExtractorError:
            traceback.print_exc()
        return {"met": ledger.met, "answer": {"batchItemFailures": []}, "effects": ledger.effects}

    def _warm(self, deliveries: Sequence[tuple[Event, Fault | None]], looks: int) -> object:
        ledger = Ledger()
        hook(ledger)
        self._open_app(0.0)
        seen = []
        for number, (event, fault) in enumerate(deliveries, start=1):
            ledger.begin(fault)
            lambda_function.lambda_handler(dict(event), cast(Any, Context()))
            assert fault is None or ledger.met, fault
            if number % (len(deliveries) // looks) == 0:
                seen.append(asdict(footprint(self.work_dir)))
        return seen

    def _invoke(self, event: Event, later_seconds: float) -> dict[str, Any]:
        try:
            self._open_app(later_seconds)
            return lambda_function.lambda_handler(dict(event), cast(Any, Context()))
        except Exception:  # noqa: BLE001 - an invocation that ends by an error gives everything back
            traceback.print_exc()
            return {
                "batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
            }

    def _open_app(self, later_seconds: float) -> None:
        """The app that was built before, with a state of this process's own."""
        state = self.store.open(lambda: time.time() + later_seconds)
        context = replace(self.app.worker.context, state=state)
        app = self.app._replace(worker=replace(self.app.worker, context=context))
        lambda_function._app = lambda: app  # type: ignore[assignment]


def _ended(process: Process) -> Ended:
    told = process.result()
    if told is None:
        return Ended(killed=True, met=True)
    return Ended(False, told["met"], told["answer"], tuple(told["effects"]))


def open_lane(
    store: Store, directory: Path, dead_letter_url: str, more: Mapping[str, str] = MappingProxyType({})
) -> Lane:
    """A lane with a disk of its own in `directory`, and with `more` settings."""
    unused = directory / "unused.sqlite"  # each process opens its own instead
    SqliteStateStore(unused, "watched_content")
    variables = {
        "STATE_BACKEND": "sqlite",
        "SQLITE_PATH": str(unused),
        "WORK_DIR": str(directory / "work"),
        "DEAD_LETTER_QUEUE_URL": dead_letter_url,
        "UPLOAD_WORKERS": "2",
        "FFMPEG_THREADS": "1",
        **more,
    }
    return Lane(build_app(load_settings(variables)), store, directory / "log")
