"""Itemised AWS cost and request rates of a deployment. Pure: no I/O.

`extractor.domain.costs` gives the resources of one video. This module reads them by setting the price of one
item to a dollar and all others to zero, then adds monthly costs and costs that do not depend on a video. Free
tiers, discounts and Supabase's bill are not included.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Literal

from extractor.domain.costs import US_EAST_1, Prices, Workload, cost_per_video

# What `python -m benchmarks.request_counts` counted for one video of a batch of five.
_STATE_CALLS = 2
_STATE_BYTES = 1_132
_LOG_BYTES = 684
# Lambda's own lines, START, END and REPORT, in the same log; from their format.
_LOG_BYTES_OF_INVOCATION = 350

# Of infra/template.yaml.
_ALARMS = 8
_ALARM_METRICS = 9  # which is what AWS counts; one alarm looks at two
_DISK_MB = 8_192
# Metrics: ten for finished videos (extractor/backends/telemetry.py), and some reasons of failures.
_METRICS = 16
_IMAGE_GB = 0.26  # compressed: python -m benchmarks.image
# Five pollers that wait 20 s each, while nothing comes: 15 a minute.
_IDLE_POLLS_PER_MONTH = 15 * 60 * 730

# A tar is uploaded in parts of this size (extractor/output/tar.py).
TAR_PART_BYTES = 16 << 20
# A frame in a tar: two headers, its JSON, and half a block on average to fill up the image's last one.
_TAR_BYTES_PER_FRAME = 3 * 512 + 256

_FREE_DISK_MB = 512
_GB = 1e9
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices in US dollars. GB and GiB, which differ by 7%, are not distinguished."""

    prices: Prices
    disk_gb_second: float
    dynamodb_write: float
    egress_gb: float
    nat_gb: float
    logs_gb: float
    logs_gb_month: float
    s3_gb_month: float
    metric_month: float
    alarm_month: float
    dashboard_month: float
    secret_month: float
    image_gb_month: float


# us-east-1, first tier of each, as listed in 2025 and 2026; docs/explanation/cost.md says where.
X86 = Tariff(
    prices=US_EAST_1,
    disk_gb_second=0.0000000309,
    dynamodb_write=0.625 / 1_000_000,
    egress_gb=0.09,
    nat_gb=0.045,
    logs_gb=0.50,
    logs_gb_month=0.03,
    s3_gb_month=0.023,
    metric_month=0.30,
    alarm_month=0.10,
    dashboard_month=3.00,
    secret_month=0.40,
    image_gb_month=0.10,
)
ARM64 = replace(X86, prices=replace(US_EAST_1, lambda_gb_second=0.0000133334))


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of a deployment.

    `output` is the form of the frames. `nat` is the traffic through a NAT gateway: none without subnets;
    otherwise the state, unless all its traffic has endpoints, and everything without an endpoint for S3.
    """

    videos: int
    workload: Workload
    image_kilobytes: float
    video_megabytes: float
    output: Literal["frames", "tar"] = "frames"
    state: Literal["supabase", "dynamodb"] = "supabase"
    nat: Literal["nothing", "state", "all"] = "nothing"

    @property
    def frame_gigabytes(self) -> float:
        """The size of all frames."""
        return self.videos * self.workload.frames_per_video * self.image_kilobytes * 1e3 / _GB

    @property
    def puts_per_video(self) -> float:
        """The PUTs of frames and manifest; a tar of several parts has a request to begin and one to end."""
        if self.output == "frames":
            return _per_video(self, "s3_put")
        size = self.workload.frames_per_video * (self.image_kilobytes * 1e3 + _TAR_BYTES_PER_FRAME)
        parts = max(1, ceil(size / TAR_PART_BYTES))
        return 1 + (parts if parts == 1 else parts + 2)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the bill."""

    name: str
    quantity: float
    unit: str
    usd: float


def once(plan: Plan, tariff: Tariff) -> Iterator[Item]:
    """Return the cost of processing the videos."""
    yield _core(plan, tariff, "lambda_gb_second", "Lambda, time", "GB-s")
    yield _core(plan, tariff, "lambda_request", "Lambda, invocations", "invocations")
    disk = plan.videos * plan.workload.seconds_per_video * (_DISK_MB - _FREE_DISK_MB) / 1024
    yield Item("Lambda, disk beyond 512 MB", disk, "GB-s", disk * tariff.disk_gb_second)
    puts = plan.videos * plan.puts_per_video
    yield Item("S3, PUT of frames and manifests", puts, "requests", puts * tariff.prices.s3_put)
    yield _core(plan, tariff, "s3_get", "S3, GET of videos and manifests", "requests")
    yield _core(plan, tariff, "sqs_request", "SQS, send, receive, delete", "requests")
    if plan.state == "dynamodb":
        writes = float(plan.videos * _STATE_CALLS)
        yield Item("DynamoDB, conditional writes", writes, "writes", writes * tariff.dynamodb_write)
    else:
        sent = plan.videos * _STATE_BYTES / _GB
        yield Item("transfer to Supabase", sent, "GB", sent * tariff.egress_gb)
    log = _log_gigabytes(plan)
    yield Item("CloudWatch, log lines", log, "GB", log * tariff.logs_gb)
    if plan.nat != "nothing":
        yield _through_nat(plan, tariff)


def monthly(plan: Plan, tariff: Tariff) -> Iterator[Item]:
    """Return the monthly cost while the stack exists and the frames are kept."""
    frames = plan.frame_gigabytes
    yield Item("S3, frames", frames, "GB", frames * tariff.s3_gb_month)
    log = _log_gigabytes(plan)
    yield Item("CloudWatch, log of 30 days", log, "GB", log * tariff.logs_gb_month)
    yield Item("CloudWatch, metrics", _METRICS, "metrics", _METRICS * tariff.metric_month)
    yield Item("CloudWatch, alarms", _ALARMS, "alarms", _ALARM_METRICS * tariff.alarm_month)
    yield Item("CloudWatch, dashboard", 1, "dashboard", tariff.dashboard_month)
    yield Item(
        "SQS, looking for messages while there are none",
        _IDLE_POLLS_PER_MONTH,
        "requests",
        _IDLE_POLLS_PER_MONTH * tariff.prices.sqs_request,
    )
    yield Item("ECR, the image", _IMAGE_GB, "GB", _IMAGE_GB * tariff.image_gb_month)
    if plan.state == "supabase":
        yield Item("Secrets Manager, the key", 1, "secret", tariff.secret_month)


@dataclass(frozen=True, slots=True)
class Load:
    """Rates for a number of videos per day, evenly distributed; per second unless named otherwise."""

    videos: float
    executions: float
    messages_in_work: float
    s3_puts: float
    s3_gets: float
    state_calls: float
    frame_gigabytes_per_day: float
    log_gigabytes_per_day: float


def load(plan: Plan) -> Load:
    """Return the rates for `plan.videos` per day."""
    videos = plan.videos / _DAY_SECONDS
    executions = videos * plan.workload.seconds_per_video
    return Load(
        videos=videos,
        executions=executions,
        messages_in_work=executions * plan.workload.batch_size,
        s3_puts=videos * plan.puts_per_video,
        s3_gets=videos * _per_video(plan, "s3_get"),
        state_calls=videos * _STATE_CALLS,
        frame_gigabytes_per_day=plan.frame_gigabytes,
        log_gigabytes_per_day=_log_gigabytes(plan),
    )


def _core(plan: Plan, tariff: Tariff, price: str, name: str, unit: str) -> Item:
    quantity = plan.videos * _per_video(plan, price)
    return Item(name, quantity, unit, quantity * getattr(tariff.prices, price))


def _per_video(plan: Plan, price: str) -> float:
    """Return the quantity per video of the item with this price."""
    one = Prices(**{each.name: float(each.name == price) for each in fields(Prices)})
    return cost_per_video(plan.workload, one).total


def _log_gigabytes(plan: Plan) -> float:
    return plan.videos * (_LOG_BYTES + _LOG_BYTES_OF_INVOCATION / plan.workload.batch_size) / _GB


def _through_nat(plan: Plan, tariff: Tariff) -> Item:
    through = plan.videos * _STATE_BYTES / _GB if plan.state == "supabase" else 0.0
    if plan.nat == "all":
        through += plan.frame_gigabytes + plan.videos * plan.video_megabytes * 1e6 / _GB
    return Item("NAT gateway", through, "GB", through * tariff.nat_gb)
