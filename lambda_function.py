"""AWS Lambda entry point: handle an SQS batch or a direct event.

The response to an SQS batch lists the records to deliver again; the response to a direct event lists the
results of its videos. Clients are built at the first invocation.
"""

import extractor  # noqa: F401, I001 - first: it refuses a Python that is too old

import gc
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

# Otherwise pydantic opens the metadata of every installed package to look for plugins; none is ours.
# https://docs.pydantic.dev/latest/concepts/plugins/
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Disable the garbage collector during start-up, and exempt all objects that exist at its end.

    Imports create many objects that live as long as the process; Python would scan them some two hundred
    times.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


with gc_frozen():
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from extractor.backends.telemetry import Telemetry, logger
    from extractor.container import build_telemetry, build_worker, records_at_once
    from extractor.domain.results import to_response
    from extractor.pipeline.batch import Batch, Record
    from extractor.pipeline.worker import ReceivedMessage, Worker
    from extractor.settings import Settings, load_settings


class App(NamedTuple):
    """The worker, its settings and its telemetry, and how many records of a batch it handles at a time."""

    settings: Settings
    worker: Worker
    telemetry: Telemetry
    records_at_once: int


def build_app(settings: Settings) -> App:
    """Build the worker and its telemetry.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    telemetry = build_telemetry(settings)
    idle = settings.idle_options
    if idle:
        logger.info("some settings count only for messages that choose otherwise", extra={"detail": idle})
    return App(settings, build_worker(settings, telemetry), telemetry, records_at_once(settings))


@logger.inject_lambda_context
def lambda_handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Handle one event.

    Args:
        event: An SQS batch, with its records in an object or (from EventBridge Pipes) in a list; a message;
            or a list of messages.
        context: The invocation.

    Returns:
        ``batchItemFailures`` for an SQS batch; ``results`` for a direct event.

    Raises:
        Exception: A direct event must be sent again.
    """
    app = _app()
    remaining = context.get_remaining_time_in_millis() / 1000
    reserve = min(app.settings.reserve_seconds, remaining / 10)
    deadline = time.monotonic() + remaining - reserve
    try:
        records = _sqs_records(event)
        if records is not None:
            batch = Batch(
                [_parse_record(record) for record in records],
                app.worker,
                deadline,
                last_start=deadline - reserve,
                scope=lambda record: app.telemetry.log_keys(message_id=record.message_id),
            )
            threads = min(app.records_at_once, len(records))
            if threads > 1:
                _in_threads(batch.work, threads)
            else:
                batch.work()
            return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in batch.unfinished]}
        messages = event if isinstance(event, list) else [event]
        results = [
            result for message in messages for result in app.worker.handle(ReceivedMessage(message), deadline)
        ]
        return {"results": [to_response(result) for result in results]}
    finally:
        app.worker.cancel_prefetch()
        app.telemetry.flush()


def _in_threads(work: Callable[[], None], count: int) -> None:
    """Run `work` in several threads at a time; raise the first error after all have ended."""
    with ThreadPoolExecutor(count, thread_name_prefix="record") as pool:
        for running in [pool.submit(work) for _ in range(count)]:
            running.result()


def _parse_record(record: dict[str, Any]) -> Record:
    attributes = record.get("attributes") or {}
    message = ReceivedMessage(
        record.get("body"), int(attributes.get("ApproximateReceiveCount", 1)), from_queue=True
    )
    # Standard queues have message groups as well, but no order.
    is_fifo = str(record.get("eventSourceARN")).endswith(".fifo")
    return Record(record["messageId"], message, attributes.get("MessageGroupId") if is_fifo else None)


@cache
@gc_frozen()
def _app() -> App:
    return build_app(load_settings(os.environ))


def _sqs_records(event: object) -> list[dict[str, Any]] | None:
    """Return the records of an SQS batch, which may be empty; ``None`` for any other event."""
    records = event.get("Records") if isinstance(event, dict) else event
    if isinstance(records, list) and all(
        isinstance(record, dict) and record.get("eventSource") == "aws:sqs" for record in records
    ):
        return records
    return None
