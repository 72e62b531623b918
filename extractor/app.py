"""The worker with its telemetry, as every process that takes messages of SQS has it."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from extractor.container import build_telemetry, build_worker, records_at_once
from extractor.pipeline.batch import Batch, Record
from extractor.pipeline.worker import ReceivedMessage, Worker
from extractor.settings import Settings

if TYPE_CHECKING:
    from extractor.backends.telemetry import Telemetry

logger = logging.getLogger(__name__)


class App(NamedTuple):
    """The worker, its settings and its telemetry, and how many records of a batch it handles at a time."""

    settings: Settings
    worker: Worker
    telemetry: "Telemetry"
    records_at_once: int

    def batch(self, records: Sequence[Mapping[str, Any]], deadline: float, last_start: float) -> Batch:
        """Return the batch of these records, to be worked off.

        Args:
            records: The records, as Lambda's event source makes them.
            deadline: When the work must end, as of `time.monotonic()`.
            last_start: When the last record may be started.
        """
        carriers = {record["messageId"]: _trace_carrier(record) for record in records}
        return Batch(
            [_parse_record(record) for record in records],
            self.worker,
            deadline,
            last_start,
            scope=lambda record: self.telemetry.record(record.message_id, carriers[record.message_id]),
        )


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


def _parse_record(record: Mapping[str, Any]) -> Record:
    attributes = record.get("attributes") or {}
    message = ReceivedMessage(
        record.get("body"), int(attributes.get("ApproximateReceiveCount", 1)), from_queue=True
    )
    # Standard queues have message groups as well, but no order.
    is_fifo = str(record.get("eventSourceARN")).endswith(".fifo")
    return Record(record["messageId"], message, attributes.get("MessageGroupId") if is_fifo else None)


def _trace_carrier(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what the message says of the trace that it belongs to."""
    attributes, system = record.get("messageAttributes") or {}, record.get("attributes") or {}
    found = {name: attributes.get(name, {}).get("stringValue") for name in ("traceparent", "tracestate")}
    found["AWSTraceHeader"] = system.get("AWSTraceHeader")
    return {name: text for name, text in found.items() if text}
