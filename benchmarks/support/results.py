"""What a comparison measures. Pure: no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run takes; `cpu_seconds` is user and system time, with that of all child processes."""

    cpu_seconds: float
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Exactness:
    """Errors in seconds; ``None`` if not applicable.

    Attributes:
        claim: Between the time that a tool claims and the true time of its picture.
        sample_time: Between the requested time and the true time.
    """

    mean_claim: float | None
    max_claim: float | None
    mean_sample_time: float | None
    max_sample_time: float | None


NO_TIMES = Exactness(None, None, None, None)


@dataclass(frozen=True, slots=True)
class FFmpegRuns:
    """The runs of FFmpeg that a tool starts for one video.

    Attributes:
        image_count: The number of runs that write images.
        other_count: The number of the others, which list packets.
    """

    image_count: int = 0
    image_cpu_seconds: float = 0.0
    other_count: int = 0
    other_cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One tool on one video.

    Attributes:
        warm: In a process that has extracted another video before. For a command, the same as `whole`.
        whole: In a process of its own, from its start to its end.
        peak_megabytes: The resident memory of the warm process and its children.
        runs: The runs of FFmpeg in the warm process, if the tool starts it through `subprocess`.
    """

    warm: Cost
    whole: Cost
    peak_megabytes: float
    frames: int
    exactness: Exactness
    runs: FFmpegRuns = FFmpegRuns()


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no sample."""

    reason: str


Result = Sample | Failed


@dataclass(frozen=True, slots=True)
class Floor:
    """Bare FFmpeg with one thread and a ready-made plan.

    Attributes:
        images: Decode only the needed packets, and write the images.
        decoding_cpu_seconds: Decode them, and write nothing.
        start_cpu_seconds: Open the file, and do nothing.
    """

    images: Cost
    decoding_cpu_seconds: float
    start_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Split:
    """Where the CPU seconds of a warm extraction go; the parts add up to its total.

    Attributes:
        starts: The starts of FFmpeg: their number times what opening the file costs.
        listing: The runs that list packets, without their starts.
        decoding: The decode of the needed packets, without the start.
        rest: What else the run with the images does: filters, encoder, output, and the packets that one
            pass decodes although no frame needs them.
        python: The rest of the process.
    """

    start_count: int
    starts: float
    listing: float
    decoding: float
    rest: float
    python: float


def split_cost(sample: Sample, floor: Floor) -> Split | None:
    """Split the warm CPU seconds; ``None`` if the runs of FFmpeg are not known."""
    runs, start = sample.runs, floor.start_cpu_seconds
    if not runs.image_count:
        return None
    count = runs.image_count + runs.other_count
    decoding = floor.decoding_cpu_seconds - start
    return Split(
        start_count=count,
        starts=count * start,
        listing=runs.other_cpu_seconds - runs.other_count * start,
        decoding=decoding,
        rest=runs.image_cpu_seconds - runs.image_count * start - decoding,
        python=sample.warm.cpu_seconds - runs.image_cpu_seconds - runs.other_cpu_seconds,
    )


def middle(results: Sequence[Result]) -> Result:
    """Return the medians of the samples with the times of the first, or a failure if any run failed."""
    samples = [result for result in results if isinstance(result, Sample)]
    if len(samples) < len(results):
        return next(result for result in results if isinstance(result, Failed))
    first = samples[0]
    return Sample(
        middle_cost([sample.warm for sample in samples]),
        middle_cost([sample.whole for sample in samples]),
        median(sample.peak_megabytes for sample in samples),
        first.frames,
        first.exactness,
        FFmpegRuns(
            first.runs.image_count,
            median(sample.runs.image_cpu_seconds for sample in samples),
            first.runs.other_count,
            median(sample.runs.other_cpu_seconds for sample in samples),
        ),
    )


def middle_floor(floors: Sequence[Floor]) -> Floor:
    """Return the medians."""
    return Floor(
        middle_cost([floor.images for floor in floors]),
        median(floor.decoding_cpu_seconds for floor in floors),
        median(floor.start_cpu_seconds for floor in floors),
    )


def middle_cost(costs: Sequence[Cost]) -> Cost:
    """Return the medians."""
    return Cost(median(cost.cpu_seconds for cost in costs), median(cost.wall_seconds for cost in costs))
