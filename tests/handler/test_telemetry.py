"""What an operator sees of the handler's work: metrics, log lines, traces."""

import base64
import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lambda_function
from extractor.backends.telemetry import traces_wanted
from extractor.errors import SettingsError
from local.lambda_runtime.sqs_event import build_event
from tests.handler.conftest import World
from tests.support.servers.http import Answer, Request, serving


def test_metrics_are_lines_that_cloudwatch_reads(
    world: World, plain_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add_video("good", plain_clip)
    world.add_row("missing")
    world.deliver({"code": "good"}, {"code": "missing"})
    metrics: dict[str, object] = {}
    for line in capsys.readouterr().out.splitlines():
        if '"_aws"' in line:
            metrics |= json.loads(line)
    assert metrics["Frames"] == [4.0]
    assert metrics["reason"] == "VIDEO_MISSING"
    for name in ("Videos", "FrameBytes", "DownloadSeconds", "ExtractSeconds", "RealTimeFactor", "Failures"):
        assert name in metrics


def test_each_outcome_is_one_log_line_with_its_request(
    world: World, plain_clip: Path, logs: io.StringIO
) -> None:
    world.add_video("good", plain_clip)
    world.add_row("missing")
    world.add_row("waiting", is_fetched=False)
    world.deliver({"code": "good"}, {"code": "missing"}, {"code": "waiting"})
    lines = {line["code"]: line for line in map(json.loads, logs.getvalue().splitlines())}
    assert (lines["good"]["message"], lines["good"]["outcome"]) == ("done", "extracted")
    assert (lines["missing"]["message"], lines["missing"]["reason"]) == ("failed for good", "VIDEO_MISSING")
    assert (lines["waiting"]["message"], lines["waiting"]["reason"]) == (
        "another delivery is needed",
        "NOT_FETCHED",
    )
    assert all(line["function_request_id"] for line in lines.values())


TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
XRAY_HEADER = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=1"


def _deliver(world: World, code: str, **attributes: str) -> None:
    """One message with these attributes, which the handler must not give back."""
    texts: Any = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
    world.sqs.send_message(
        QueueUrl=world.queue_url, MessageBody=json.dumps({"code": code}), MessageAttributes=texts
    )
    messages = world.sqs.receive_message(
        QueueUrl=world.queue_url, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    event = build_event(messages, "arn:aws:sqs:us-east-1:123456789012:main")
    assert world.invoke(event) == {"batchItemFailures": []}


def _spans(request: bytes) -> list[Any]:
    decoder = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    (resource,) = decoder.ExportTraceServiceRequest.FromString(request).resource_spans
    assert any(one.value.string_value == "frame-extractor" for one in resource.resource.attributes)
    return [span for scope in resource.scope_spans for span in scope.spans]


def _assert_one_trace(spans: list[Any]) -> None:
    """The record is a child of what the message names, and the stages are children of the record."""
    (record,) = (span for span in spans if span.name == "record")
    stages = [span for span in spans if span is not record]
    assert {span.name for span in stages} == {"state", "download", "index", "extract", "manifest"}
    assert (record.trace_id.hex(), record.parent_span_id.hex()) == (TRACE, PARENT)
    assert {(span.trace_id, span.parent_span_id) for span in stages} == {(record.trace_id, record.span_id)}


def test_spans_arrive_at_an_otlp_receiver_in_the_trace_of_the_message(
    world: World, plain_clip: Path, settings: Callable[..., None]
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    received: list[Request] = []

    def take(request: Request) -> Answer:
        received.append(request)
        return Answer(200)

    with serving(take) as url:
        settings(OTEL_EXPORTER_OTLP_ENDPOINT=url)
        world.add_video("abc", plain_clip)
        _deliver(world, "abc", traceparent=f"00-{TRACE}-{PARENT}-01")
    assert {request.path for request in received} == {"/v1/traces"}
    _assert_one_trace([span for request in received for span in _spans(request.body)])


def test_spans_arrive_at_the_daemon_of_xray_in_the_trace_of_the_invocation(
    world: World, plain_clip: Path, settings: Callable[..., None]
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{daemon.getsockname()[1]}"
        settings(TRACING="true", AWS_XRAY_DAEMON_ADDRESS=address, _X_AMZN_TRACE_ID=XRAY_HEADER)
        world.add_video("abc", plain_clip)
        _deliver(world, "abc")
        header, _, spans = daemon.recv(65_536).partition(b"\nT1S")
    assert json.loads(header) == {"format": "json", "version": 1}
    _assert_one_trace(_spans(base64.b64decode(spans)))


def test_a_receiver_that_is_not_there_fails_no_video(
    world: World, plain_clip: Path, settings: Callable[..., None]
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with serving(lambda _: Answer(200)) as url:
        pass  # the port is closed again
    settings(OTEL_EXPORTER_OTLP_ENDPOINT=url)
    world.add_video("abc", plain_clip)
    _deliver(world, "abc")
    assert world.is_extracted("abc")


def test_a_protocol_that_is_not_supported_is_a_wrong_setting(
    world: World, settings: Callable[..., None]
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    settings(TRACING="true", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf"):
        world.invoke({"Records": []})


@pytest.mark.parametrize(
    ("tracing", "variables", "wanted"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (False, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        (True, {"OTEL_TRACES_EXPORTER": "none"}, False),
        (True, {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_variables_switch_traces(tracing: bool, variables: dict[str, str], wanted: bool) -> None:
    assert traces_wanted(tracing, variables) is wanted


def test_without_traces_nothing_of_opentelemetry_is_imported(world: World) -> None:
    program = (
        "import sys, lambda_function; lambda_function._app();"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(lambda_function.__file__).parent, check=True)
