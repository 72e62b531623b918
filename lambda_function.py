"""AWS Lambda entry point: an SQS batch, or a message sent directly, to frames.

An SQS batch is answered with the records to deliver again; a direct event with what became of its
videos. Clients are built at the first invocation.
"""

import os
import time
from functools import cache
from itertools import pairwise
from typing import Any

from extractor.startup import no_garbage

with no_garbage():
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from extractor.errors import DeadlineError
    from extractor.settings import load_settings
    from extractor.station import Station, build_station
    from extractor.telemetry import logger
    from extractor.worker import Delivery, describe

_batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one event. Raises only for a direct event that should be tried again."""
    station = _station()
    remaining = context.get_remaining_time_in_millis() / 1000
    reserve = min(station.settings.reserve_seconds, remaining / 10)
    deadline = time.monotonic() + remaining - reserve
    try:
        if not _is_sqs(event):
            return {
                "results": [describe(result) for result in station.worker.handle(Delivery(event), deadline)]
            }

        deliveries = {record["messageId"]: _delivery(record) for record in event["Records"]}
        following = dict(pairwise(deliveries))

        def handle(record: SQSRecord) -> None:
            if time.monotonic() > deadline - reserve:
                raise DeadlineError("too little of this invocation is left to start another video")
            name = record.message_id
            station.worker.handle(deliveries[name], deadline, deliveries.get(following.get(name, "")))

        return dict(process_partial_response(event, handle, _batch, context))
    finally:
        station.worker.place.sources.cancel()
        station.telemetry.flush()


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
