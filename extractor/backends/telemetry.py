"""Logs and metrics (aws-lambda-powertools) and traces of the worker. Only entry points import this module."""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from extractor.domain.extras import missing_extra
from extractor.domain.results import UNFINISHED, JobFailed, JobResult, JobSucceeded, ObjectIgnored
from extractor.domain.timing import Observer
from extractor.errors import SettingsError, reason_of

if TYPE_CHECKING:
    from extractor.backends.tracing import Tracing

SERVICE = "frame-extractor"

_OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

logger = Logger(service=SERVICE, level="INFO")  # explicit level, so that powertools does not read LOG_LEVEL


class Telemetry:
    """Configures logging and tracing, and counts job results as CloudWatch metrics. Thread-safe.

    Args:
        log_level: The minimum level of log lines.
        namespace: The CloudWatch namespace.
        tracing: Whether to send traces, whatever the standard variables of OpenTelemetry say.

    Raises:
        SettingsError: Traces are wanted, and cannot be sent.
    """

    def __init__(self, *, log_level: str, namespace: str, tracing: bool) -> None:
        _log_through(logger, log_level)
        self._namespace = namespace
        self._metrics = Metrics(namespace=namespace, service=SERVICE)
        self._lock = threading.Lock()
        self._tracing = _open_tracing(os.environ) if traces_wanted(tracing, os.environ) else None
        self.observe: Observer = self._tracing.observe if self._tracing else _untraced

    @contextmanager
    def record(self, message_id: str, carrier: Mapping[str, str]) -> Iterator[None]:
        """Name the message in the log lines of this thread in the block, and make a span of it.

        Args:
            message_id: The id of the message.
            carrier: What the message says of the trace that it belongs to; see `extractor.backends.tracing`.
        """
        logger.thread_safe_append_keys(message_id=message_id)
        try:
            with self._tracing.record(message_id, carrier) if self._tracing else nullcontext():
                yield
        finally:
            logger.thread_safe_remove_keys(["message_id"])

    def record_result(self, result: JobResult | Exception) -> None:
        """Count one job result: succeeded, failed (``outcome=final``), ignored, or to be retried.

        Args:
            result: The result of the job, or the exception that causes a redelivery.
        """
        with self._lock:
            if isinstance(result, JobSucceeded):
                self._count_done(result)
            elif isinstance(result, JobFailed):
                self._count_failure(result.reason, "final")
            elif isinstance(result, ObjectIgnored):
                self._metrics.add_metric("IgnoredObjects", MetricUnit.Count, 1)
            else:
                self._count_failure(reason_of(result), "retry")

    def flush(self) -> None:
        """Log the metrics counted since the last call, in CloudWatch's embedded format; send traces."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()
        if self._tracing:
            self._tracing.flush()

    def _count_done(self, done: JobSucceeded) -> None:
        add = self._metrics.add_metric
        status, manifest = done.outcome.status, done.outcome.manifest
        if status in UNFINISHED:
            add("Slices", MetricUnit.Count, int(status == "sliced"))
            return
        add("Videos", MetricUnit.Count, 1)
        if manifest is None or status != "extracted":
            return
        add("Frames", MetricUnit.Count, len(manifest.frames))
        add("FrameBytes", MetricUnit.Bytes, manifest.size_bytes)
        add("FetchedBytes", MetricUnit.Bytes, done.fetched_bytes)
        for stage, seconds in done.seconds.items():
            add(f"{stage.capitalize()}Seconds", MetricUnit.Seconds, seconds)
        total = sum(done.seconds.values())
        if total > 0:
            add("RealTimeFactor", MetricUnit.NoUnit, manifest.video.duration_seconds / total)

    def _count_failure(self, reason: str, outcome: str) -> None:
        with single_metric("Failures", MetricUnit.Count, 1, namespace=self._namespace) as metric:
            metric.add_dimension("service", SERVICE)
            metric.add_dimension("reason", reason)
            metric.add_dimension("outcome", outcome)


def _log_through(target: Logger, level: str) -> None:
    target.setLevel(level)
    package = logging.getLogger("extractor")
    package.setLevel(level)
    package.propagate = False
    package.handlers = [target.registered_handler]


def _untraced(_stage: str) -> AbstractContextManager[object]:
    return nullcontext()


def traces_wanted(tracing: bool, environ: Mapping[str, str]) -> bool:
    """Return whether TRACING or a standard variable of OpenTelemetry asks for traces."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    return tracing or exporter == "otlp" or any(environ.get(name) for name in _OTLP_ENDPOINTS)


def _open_tracing(environ: Mapping[str, str]) -> "Tracing":
    try:
        from extractor.backends.tracing import Tracing  # takes half a second; only when tracing is on
    except ModuleNotFoundError as error:
        raise SettingsError(f"TRACING: {missing_extra(error) or error}") from error

    return Tracing(SERVICE, environ)
