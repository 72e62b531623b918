"""AWS Lambda entry point: an SQS batch, or a message sent directly, to frames.

An SQS batch is answered with the records to deliver again; a direct event with what became of its
videos. Clients are built at the first invocation.
"""

import extractor  # noqa: F401, I001 - first: it refuses a Python that is too old

import os
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from extractor.startup import no_garbage

# Otherwise pydantic opens the metadata of every installed package to look for plugins; none is ours.
# https://docs.pydantic.dev/latest/concepts/plugins/
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

with no_garbage():
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from extractor.settings import load_settings
    from extractor.station import Station, build_station
    from extractor.telemetry import logger
    from extractor.worker import Delivery, describe


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one event. Raises only for a direct event that should be tried again."""
    station = _station()
    remaining = context.get_remaining_time_in_millis() / 1000
    reserve = min(station.settings.reserve_seconds, remaining / 10)
    deadline = time.monotonic() + remaining - reserve
    try:
        if not _is_sqs(event):
            results = station.worker.handle(Delivery(event), deadline)
            return {"results": [describe(result) for result in results]}
        unfinished = _unfinished(event["Records"], station, deadline, deadline - reserve)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unfinished]}
    finally:
        station.worker.place.sources.cancel()
        station.telemetry.flush()


def _unfinished(
    records: Sequence[dict[str, Any]], station: Station, deadline: float, last_start: float
) -> Iterator[str]:
    """Handle the records one after the other; the ids of those that SQS must deliver again."""
    deliveries = [_delivery(record) for record in records]
    for record, delivery, following in zip(records, deliveries, [*deliveries[1:], None], strict=True):
        message_id = record["messageId"]
        if time.monotonic() > last_start:
            logger.warning("too little time is left to start another video", extra={"message_id": message_id})
            yield message_id
            continue
        try:
            station.worker.handle(delivery, deadline, following)
        except Exception:  # noqa: BLE001 - the worker has logged it, and the other records have their turn
            yield message_id


def _delivery(record: dict[str, Any]) -> Delivery:
    return Delivery(record["body"], int(record["attributes"]["ApproximateReceiveCount"]), from_queue=True)


@cache
@no_garbage()
def _station() -> Station:
    return build_station(load_settings(os.environ))


def _is_sqs(event: dict[str, Any]) -> bool:
    records = event.get("Records")
    return isinstance(records, list) and all(
        isinstance(record, dict) and record.get("eventSource") == "aws:sqs" for record in records
    )
