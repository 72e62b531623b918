"""Price model: the cost of videos on AWS by list prices. Pure: no I/O.

Included is what grows with the number of videos: SQS requests, Lambda duration and S3 requests. Excluded are
the storage of frames, logs, data transfer out of the region, free tiers and discounts.
"""

from dataclasses import dataclass
from math import floor

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars."""

    sqs_request: float
    lambda_request: float
    lambda_gb_second: float
    s3_put: float
    s3_get: float


# us-east-1, standard queue, x86, S3 Standard, without tiers, as listed in 2025 and 2026.
# https://aws.amazon.com/sqs/pricing  https://aws.amazon.com/lambda/pricing  https://aws.amazon.com/s3/pricing
US_EAST_1 = Prices(
    sqs_request=0.40 / _MILLION,
    lambda_request=0.20 / _MILLION,
    lambda_gb_second=0.0000166667,
    s3_put=5.00 / _MILLION,
    s3_get=0.40 / _MILLION,
)


@dataclass(frozen=True, slots=True)
class Workload:
    """An average video.

    Attributes:
        seconds_per_video: Lambda duration of one video.
        memory_mb: Memory of the function.
        frames_per_video: Number of extracted frames.
        batch_size: Messages per invocation.

    The defaults are those of a clip of 30 s at 576 × 1024, a frame every second: 1.2 CPU seconds as measured
    (docs/explanation/benchmark.md) on the 1.16 CPUs of that memory, and half a second for everything else.
    """

    seconds_per_video: float = 1.5
    memory_mb: int = 2048
    frames_per_video: float = 30.0
    batch_size: int = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost in US dollars, by service."""

    queue: float
    compute: float
    storage_requests: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.queue + self.compute + self.storage_requests


def cost_per_video(workload: Workload, prices: Prices = US_EAST_1) -> Cost:
    """Return the cost of one video that succeeds at its first delivery.

    SQS: sent in batches of ten, received and deleted in batches of `batch_size`. Lambda: a share of an
    invocation, and the duration. S3: a PUT for each frame and for the manifest; a GET for the video, and one
    for an earlier manifest.
    """
    share = 1 / workload.batch_size
    gigabytes = workload.memory_mb / 1024
    return Cost(
        queue=prices.sqs_request * (0.1 + 2 * share),
        compute=prices.lambda_request * share
        + prices.lambda_gb_second * gigabytes * workload.seconds_per_video,
        storage_requests=prices.s3_put * (workload.frames_per_video + 1) + prices.s3_get * 2,
    )


def videos_within(budget_usd: float, cost: Cost) -> int:
    """Return how many videos the budget pays for."""
    return floor(budget_usd / cost.total)
