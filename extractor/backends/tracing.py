"""Traces of the worker by OpenTelemetry: a span for each record, and inside of it one for each stage.

Only `extractor.backends.telemetry` imports this module, and only if traces are wanted: the SDK takes half a
second to import. Spans go to an OTLP receiver over HTTP, or to the daemon of AWS X-Ray beside a Lambda
function. The SDK reads its own standard variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import base64
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from extractor.errors import SettingsError

_DAEMON = "AWS_XRAY_DAEMON_ADDRESS"  # set by Lambda for functions with active tracing
_INVOCATION = "_X_AMZN_TRACE_ID"  # set by Lambda for each invocation
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"

_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_TIMEOUT_SECONDS = 2  # instead of 10: every invocation waits for a receiver that does not answer
_DAEMON_SPANS = 10  # in one datagram, which holds 64 KB
_XRAY_HEADER = re.compile(
    r"Root=1-(?P<time>[0-9a-f]{8})-(?P<random>[0-9a-f]{24});Parent=(?P<parent>[0-9a-f]{16})"
    r"(;Sampled=(?P<sampled>[01]))?"
)


class Tracing:
    """Makes spans. Thread-safe.

    Args:
        service: The name of the service, unless OTEL_SERVICE_NAME is set.
        environ: The environment variables.

    Raises:
        SettingsError: A variable asks for a protocol that is not supported.
    """

    def __init__(self, service: str, environ: Mapping[str, str]) -> None:
        self._environ = environ
        name = environ.get("OTEL_SERVICE_NAME") or service
        resource = Resource.create({"service.name": name})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(_processor(environ))
        self._tracer = self._provider.get_tracer("extractor")

    @contextmanager
    def observe(self, stage: str) -> Iterator[None]:
        """Make a span of the block; see `extractor.domain.timing.Observer`."""
        is_inside = trace.get_current_span().get_span_context().is_valid
        with self._tracer.start_as_current_span(stage, None if is_inside else self._invocation()):
            yield

    @contextmanager
    def record(self, message_id: str, carrier: Mapping[str, str]) -> Iterator[None]:
        """Make a span of the block, in which a record is handled.

        Args:
            message_id: The id of its message.
            carrier: ``traceparent``, ``tracestate`` and ``AWSTraceHeader`` of the message, where it has them.
        """
        with self._tracer.start_as_current_span(
            "record",
            self._parent(carrier),
            trace.SpanKind.CONSUMER,
            {"messaging.system": "aws_sqs", "messaging.message.id": message_id},
        ):
            yield

    def flush(self) -> None:
        """Send what is finished, before the process may be frozen."""
        self._provider.force_flush()

    def _parent(self, carrier: Mapping[str, str]) -> Context | None:
        if "traceparent" in carrier:
            return TraceContextTextMapPropagator().extract(carrier)
        return xray_context(carrier.get("AWSTraceHeader", "")) or self._invocation()

    def _invocation(self) -> Context | None:
        return xray_context(self._environ.get(_INVOCATION, ""))


def xray_context(header: str) -> Context | None:
    """Return the context that a trace header of AWS X-Ray names; ``None`` if it names none."""
    found = _XRAY_HEADER.search(header)
    if found is None:
        return None
    parent = trace.SpanContext(
        trace_id=int(found["time"] + found["random"], 16),
        span_id=int(found["parent"], 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(found["sampled"] or 0)),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


class DaemonExporter(SpanExporter):  # type: ignore[misc]
    """Sends spans to the daemon of AWS X-Ray, in the OTLP form that it takes.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon

    Args:
        address: The value of AWS_XRAY_DAEMON_ADDRESS.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans in a datagram, which may be lost."""
        data = base64.b64encode(encode_spans(spans).SerializeToString())
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            try:
                sender.sendto(b'{"format":"json","version":1}\nT1S' + data, self._address)
            except OSError:
                return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def _processor(environ: Mapping[str, str]) -> BatchSpanProcessor:
    if environ.get(_DAEMON) and not any(environ.get(name) for name in _ENDPOINTS):
        return BatchSpanProcessor(DaemonExporter(environ[_DAEMON]), max_export_batch_size=_DAEMON_SPANS)
    for name in _PROTOCOLS:
        if environ.get(name, _PROTOCOL) not in {"", _PROTOCOL}:
            raise SettingsError(f"{name}: only {_PROTOCOL} is supported")
    is_given = any(environ.get(name) for name in _TIMEOUTS)
    return BatchSpanProcessor(OTLPSpanExporter(timeout=None if is_given else _TIMEOUT_SECONDS))
