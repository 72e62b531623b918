"""AWS Lambda entry point: handle an SQS batch or a direct event.

The response to an SQS batch lists the records to deliver again; the response to a direct event lists the
results of its videos. Clients are built at the first invocation.
"""

import extractor  # noqa: F401, I001 - first: it refuses a Python that is too old

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from extractor.cli.startup import gc_frozen

# Otherwise pydantic opens the metadata of every installed package to look for plugins; none is ours.
# https://docs.pydantic.dev/latest/concepts/plugins/
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

with gc_frozen():
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from extractor.app import App, build_app
    from extractor.backends.telemetry import logger
    from extractor.domain.results import to_response
    from extractor.pipeline.worker import ReceivedMessage
    from extractor.settings import load_settings


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
            batch = app.batch(records, deadline, last_start=deadline - reserve)
            count = min(app.records_at_once, len(records))
            if count > 1:
                _in_threads(batch.work, count)
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
