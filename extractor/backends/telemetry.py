"""Logs, metrics and traces of the worker (aws-lambda-powertools). Only entry points import this module."""

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from extractor.domain.results import JobFailed, JobResult, JobSucceeded, ObjectIgnored
from extractor.domain.timing import Observer
from extractor.errors import reason_of

SERVICE = "frame-extractor"

logger = Logger(service=SERVICE, level="INFO")  # explicit level, so that powertools does not read LOG_LEVEL


class Telemetry:
    """Configures logging and tracing, and counts job results as CloudWatch metrics. Thread-safe.

    Args:
        log_level: The minimum level of log lines.
        namespace: The CloudWatch namespace.
        tracing: Whether to send AWS X-Ray segments.
    """

    def __init__(self, *, log_level: str, namespace: str, tracing: bool) -> None:
        _log_through(logger, log_level)
        self._namespace = namespace
        self._metrics = Metrics(namespace=namespace, service=SERVICE)
        self._lock = threading.Lock()
        self.observe: Observer = _tracer() if tracing else _untraced

    @contextmanager
    def log_keys(self, **keys: object) -> Iterator[None]:
        """Add fields to the log lines of this thread in the block."""
        logger.thread_safe_append_keys(**keys)
        try:
            yield
        finally:
            logger.thread_safe_remove_keys(keys)

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
        """Log the metrics counted since the last call, in CloudWatch's embedded metric format."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()

    def _count_done(self, done: JobSucceeded) -> None:
        add = self._metrics.add_metric
        add("Videos", MetricUnit.Count, 1)
        manifest = done.outcome.manifest
        if manifest is None or done.outcome.status != "extracted":
            return
        add("Frames", MetricUnit.Count, len(manifest.frames))
        add("FrameBytes", MetricUnit.Bytes, manifest.size_bytes)
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


def _tracer() -> Observer:
    from aws_lambda_powertools import Tracer  # takes half a second to import; only when tracing is on

    provider = Tracer(service=SERVICE).provider

    def observe(stage: str) -> AbstractContextManager[object]:
        segment: AbstractContextManager[object] = provider.in_subsegment(f"## {stage}")
        return segment

    return observe
