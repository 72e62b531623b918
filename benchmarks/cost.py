"""`python -m benchmarks.cost`: itemised AWS cost of videos, from the list prices in
benchmarks/support/pricing.py and extractor/domain/costs.py. Prices change and differ between regions:
check them before you rely on the result.

Quantities that are not given come from real clips, which `--measure` measures. Without it, only Python is
needed. Prints Markdown.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.support.backlog_estimate import Backlog, billed_seconds, render
from benchmarks.support.clip_figures import MEASURED, read_figures, write_figures
from benchmarks.support.pricing import ARM64, X86, Item, Plan, Tariff, load, monthly, once
from extractor.domain.costs import Workload


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.measure:
        return _measure(options.measure, options.figures)
    backlog = _backlog(options)
    plan = backlog.plan
    if options.executions:
        lines = render(backlog, options.executions)
    elif options.load:
        lines = _loads([replace(plan, videos=videos) for videos in options.load])
    else:
        lines = _bill(plan)
    print("\n".join(lines))
    return 0


def _measure(videos: Sequence[Path], file: Path) -> int:
    from benchmarks.support.clip_measurement import measure_clips  # which needs more than Python

    figures = measure_clips(videos)
    if not figures.clips:
        print("none of the videos could be extracted", file=sys.stderr)
        return 1
    write_figures(figures, file)
    print(f"wrote {len(figures.clips)} clips to {file}")
    return 0


def _bill(plan: Plan) -> Iterator[str]:
    yield from _table(f"{plan.videos:,} videos", plan, once)
    yield ""
    yield from _table("every month", plan, monthly)


def _table(title: str, plan: Plan, items: Callable[[Plan, Tariff], Iterable[Item]]) -> Iterator[str]:
    """Return a row per item for both architectures, and the totals."""
    x86, arm64 = list(items(plan, X86)), list(items(plan, ARM64))
    yield f"| {title} | quantity | | x86 USD | arm64 USD |"
    yield "|---|---:|---|---:|---:|"
    for one, other in zip(x86, arm64, strict=True):
        yield f"| {one.name} | {_number(one.quantity)} | {one.unit} | {one.usd:,.2f} | {other.usd:,.2f} |"
    sums = (sum(item.usd for item in both) for both in (x86, arm64))
    yield f"| **together** | | | {' | '.join(f'**{usd:,.2f}**' for usd in sums)} |"


def _loads(plans: Sequence[Plan]) -> Iterator[str]:
    loads = [load(plan) for plan in plans]
    rows = {
        "videos a second": [one.videos for one in loads],
        "executions at the same time": [one.executions for one in loads],
        "messages in work": [one.messages_in_work for one in loads],
        "S3 PUT a second": [one.s3_puts for one in loads],
        "S3 GET a second": [one.s3_gets for one in loads],
        "calls to the state a second": [one.state_calls for one in loads],
        "GB of frames a day": [one.frame_gigabytes_per_day for one in loads],
        "GB of log a day": [one.log_gigabytes_per_day for one in loads],
    }
    yield f"| videos a day | {' | '.join(f'{plan.videos:,}' for plan in plans)} |"
    yield f"|---|{'---:|' * len(plans)}"
    for name, values in rows.items():
        yield f"| {name} | {' | '.join(map(_number, values))} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def _backlog(options: argparse.Namespace) -> Backlog:
    """Return the work: what is given, and the rest as the clips have it."""
    figures, seconds = read_figures(options.figures), options.seconds
    usual = {
        "seconds_per_video": billed_seconds(figures.cpu_per_second * seconds, options.memory_mb),
        "frames_per_video": float(seconds),
        "image_kilobytes": figures.image_kilobytes,
        "video_megabytes": figures.megabytes_per_second * seconds,
    }
    given = {name: value for name in usual if (value := getattr(options, name)) is not None}
    found = usual | given
    work = Workload(
        found["seconds_per_video"], options.memory_mb, found["frames_per_video"], options.batch_size
    )
    plan = Plan(
        options.videos,
        work,
        found["image_kilobytes"],
        found["video_megabytes"],
        options.output,
        options.state,
        options.nat,
    )
    return Backlog(plan, seconds, figures, [f"--{name.replace('_', '-')}" for name in given])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    add = parser.add_argument
    add("--output", choices=["frames", "tar"], default="frames", help="form of the frames (default: frames)")
    _add_quantities(parser)
    add(
        "--state",
        choices=["supabase", "dynamodb"],
        default="supabase",
        help="where the state is (default: supabase)",
    )
    add(
        "--nat",
        choices=["nothing", "state", "all"],
        default="nothing",
        help="what goes through a NAT gateway: nothing, what is not S3 or DynamoDB, or all "
        "(default: nothing)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--load", type=_counts, metavar="N,N", help="instead: what so many videos a day mean for every second"
    )
    instead.add_argument(
        "--executions",
        type=_counts,
        metavar="N,N",
        help="instead: cost, and time with so many executions at the same time, in both forms of output, "
        "beside a published pipeline, with all assumptions",
    )
    instead.add_argument(
        "--measure",
        type=Path,
        nargs="+",
        metavar="VIDEO",
        help="instead: extract each of these once, and write what it took to the file of --figures",
    )
    add(
        "--figures",
        type=Path,
        default=MEASURED,
        metavar="FILE",
        help="the measured clips (default: those of this repository)",
    )
    return parser


def _add_quantities(parser: argparse.ArgumentParser) -> None:
    work, add = Workload(), parser.add_argument
    add("--videos", type=_count, default=1_000_000, metavar="N", help="how many (default: 1000000)")
    add("--seconds", type=_amount, default=30.0, metavar="S", help="mean length of a video (default: 30)")
    add(
        "--memory-mb",
        type=_count,
        default=work.memory_mb,
        metavar="MB",
        help=f"memory of the function (default: {work.memory_mb})",
    )
    add(
        "--batch-size",
        type=_count,
        default=work.batch_size,
        metavar="N",
        help=f"messages of one invocation (default: {work.batch_size})",
    )
    of_clips = "by default as the measured clips have it"
    add("--seconds-per-video", type=_amount, metavar="S", help=f"billed time of the function; {of_clips}")
    add("--frames-per-video", type=_amount, metavar="N", help="images of a video (default: one for a second)")
    add("--image-kilobytes", type=_amount, metavar="KB", help=f"size of an image; {of_clips}")
    add("--video-megabytes", type=_amount, metavar="MB", help=f"size of a video; {of_clips}")


def _counts(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
