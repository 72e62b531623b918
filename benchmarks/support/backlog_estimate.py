"""Cost and time of a backlog, beside a published pipeline, with what is assumed. Pure: no I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from benchmarks.support.clip_figures import Figures
from benchmarks.support.pricing import ARM64, X86, Plan, Tariff, load, monthly, once

# The time of the handler, 1 being the decode alone, with 30 ms more on every request:
# python -m benchmarks.handler.
_HANDLER_SHARE = 1.15
# Lambda gives one CPU for so much memory; one decoder thread uses no more than one.
_MB_PER_CPU = 1_769
# An SQS event-source mapping adds so many executions: docs/explanation/cost.md, quotas.
_EXECUTIONS_PER_SECOND = 300 / 60
_PUTS_OF_A_PARTITION = 3_500
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Published:
    """A pipeline that somebody else measured; see `_about_published`."""

    videos: int = 792_270
    video_hours: float = 8_480
    usd: float = 421
    hours: float = 41
    machines: str = "four c7i.48xlarge"
    url: str = (
        "https://aws.amazon.com/blogs/machine-learning/"
        "multimodal-embeddings-at-scale-ai-data-lake-for-media-and-entertainment-workloads"
    )


_PUBLISHED = Published()


@dataclass(frozen=True, slots=True)
class Backlog:
    """Videos to process once.

    Attributes:
        plan: The work, and where it is done.
        video_seconds: Mean length of a video.
        figures: The clips that the quantities of the plan come from.
        given: The quantities that the user gave instead.
    """

    plan: Plan
    video_seconds: float
    figures: Figures
    given: Sequence[str] = ()


def billed_seconds(cpu_seconds: float, memory_mb: int) -> float:
    """Return the time of the function for an extraction that takes so much CPU time."""
    return cpu_seconds * _HANDLER_SHARE / min(1.0, memory_mb / _MB_PER_CPU)


def run_hours(plan: Plan, executions: int) -> float:
    """Return the time from the first execution to the last, with the growth to `executions` at a time."""
    work = plan.videos * plan.workload.seconds_per_video
    growth = executions / _EXECUTIONS_PER_SECOND
    done_in_growth = executions * growth / 2
    if work <= done_in_growth:
        return sqrt(2 * work / _EXECUTIONS_PER_SECOND) / 3600
    return (growth + (work - done_in_growth) / executions) / 3600


def puts_per_second(plan: Plan, executions: int) -> float:
    """Return the rate of S3's PUTs while so many executions run."""
    day = replace(plan, videos=round(executions / plan.workload.seconds_per_video * _DAY_SECONDS))
    return load(day).s3_puts


def render(backlog: Backlog, executions: Sequence[int]) -> Iterator[str]:
    """Return the table and the assumptions, as lines of Markdown."""
    plan = backlog.plan
    forms = [replace(plan, output="frames"), replace(plan, output="tar")]
    of = _PUBLISHED
    rows = [
        ("US$, x86", [f"{_usd(one, X86):,.2f}" for one in forms], f"{of.usd:,.2f}"),
        ("US$, arm64", [f"{_usd(one, ARM64):,.2f}" for one in forms], ""),
        (
            "US$ for 1,000 videos, x86",
            [f"{1000 * _usd(one, X86) / one.videos:.3f}" for one in forms],
            f"{1000 * of.usd / of.videos:.3f}",
        ),
        (f"hours on {of.machines}", ["", ""], f"{of.hours:.2f}"),
        *(
            (f"hours with {count:,} executions", [f"{run_hours(one, count):.2f}" for one in forms], "")
            for count in executions
        ),
        *(
            (
                f"S3 PUT a second with {count:,} executions",
                [f"{puts_per_second(one, count):,.0f}" for one in forms],
                "",
            )
            for count in executions
        ),
    ]
    length = of.video_hours * 3600 / of.videos
    yield (
        f"| {plan.videos:,} videos of {backlog.video_seconds:g} s | `OUTPUT=frames` | `OUTPUT=tar` "
        f"| published: {of.videos:,} of {length:.1f} s |"
    )
    yield "|---|---:|---:|---:|"
    for name, ours, published in rows:
        yield f"| {name} | {' | '.join(ours)} | {published} |"
    yield ""
    yield from (f"- {assumption}" for assumption in _assumptions(backlog))


def _usd(plan: Plan, tariff: Tariff) -> float:
    return sum(item.usd for item in once(plan, tariff))


def _assumptions(backlog: Backlog) -> Iterator[str]:
    plan, figures = backlog.plan, backlog.figures
    work = plan.workload
    yield (
        f"Clips: {len(figures.clips)}, {figures.seconds:,.0f} s together, each counted by its length "
        f"({', '.join(clip.name for clip in figures.clips)}). They take {figures.cpu_per_second:.3f} CPU "
        f"seconds for a second of video with a JPEG of quality 95 every second, in a warm process with one "
        f"decoder thread: {figures.machine}; {figures.versions}."
    )
    yield (
        f"A video: {work.seconds_per_video:.2f} s of the function, {work.frames_per_video:g} images of "
        f"{plan.image_kilobytes:.0f} KB, and {plan.video_megabytes:.1f} MB. "
        + (f"Given by the user: {', '.join(backlog.given)}. " if backlog.given else "")
        + "The rest follows from the clips."
    )
    yield (
        f"The function has {work.memory_mb:,} MB and takes {_HANDLER_SHARE:g} times the CPU seconds of the "
        "extraction. A CPU of Lambda is as fast as one of that machine, and arm64 as fast as x86: "
        "neither has been measured."
    )
    yield (
        f"Executions grow by {60 * _EXECUTIONS_PER_SECOND:.0f} a minute, and each always has a batch of "
        f"{work.batch_size}. S3 takes some {_PUTS_OF_A_PARTITION:,} PUTs a second in a partition: more needs "
        "keys with a random beginning."
    )
    yield (
        "Each video succeeds at its first delivery. Cold starts, about a second for each execution, are not "
        "counted, nor are free tiers and discounts; prices are on demand, of us-east-1."
    )
    month = sum(item.usd for item in monthly(plan, X86))
    yield f"Not counted: US$ {month:,.2f} a month for keeping the frames, the image and the alarms."
    yield from _about_published()


def _about_published() -> Iterator[str]:
    of = _PUBLISHED
    yield (
        f"Published: {of.url}. US$ {of.usd:,.0f} are {of.machines} at the spot price of US$ 2.57 an hour "
        f"for {of.hours:.0f} hours. These hand the videos to models that make embeddings and tags, for "
        "US$ 17,667 more, and wait for them (30 jobs at a time). So the two do different work: only the "
        "order of magnitude can be compared."
    )
