"""`python -m benchmarks.cost`: itemised AWS cost of videos, from the list prices in
benchmarks/support/pricing.py and extractor/domain/costs.py. Prices change and differ between regions:
check them before you rely on the result.

Needs only Python. Prints Markdown.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from benchmarks.support.pricing import ARM64, X86, Item, Plan, Tariff, load, monthly, once
from extractor.domain.costs import Workload


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    plan = _plan(options)
    if options.load:
        print("\n".join(_loads([replace(plan, videos=videos) for videos in options.load])))
    else:
        print("\n".join(_bill(plan)))
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


def _plan(options: argparse.Namespace) -> Plan:
    workload = Workload(
        seconds_per_video=options.seconds_per_video,
        memory_mb=options.memory_mb,
        frames_per_video=options.frames_per_video,
        batch_size=options.batch_size,
    )
    return Plan(
        options.videos, workload, options.image_kilobytes, options.video_megabytes, options.state, options.nat
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_quantities(parser)
    usual, add = Plan(), parser.add_argument
    add("--state", choices=["supabase", "dynamodb"], default=usual.state, help="where the state is")
    add(
        "--nat",
        choices=["nothing", "state", "all"],
        default=usual.nat,
        help="what goes through a NAT gateway: nothing, what is not S3 or DynamoDB, or all",
    )
    add(
        "--load",
        type=lambda text: [_count(part) for part in text.split(",")],
        metavar="N,N",
        help="instead: what so many videos a day mean for every second",
    )
    return parser


def _add_quantities(parser: argparse.ArgumentParser) -> None:
    usual, work = Plan(), Workload()
    add = parser.add_argument
    add("--videos", type=_count, default=usual.videos, metavar="N", help="how many")
    add(
        "--seconds-per-video",
        type=_amount,
        default=work.seconds_per_video,
        metavar="S",
        help="billed time of the function for one",
    )
    add("--memory-mb", type=_count, default=work.memory_mb, metavar="MB", help="memory of the function")
    add("--frames-per-video", type=_amount, default=work.frames_per_video, metavar="N", help="images of one")
    add("--batch-size", type=_count, default=work.batch_size, metavar="N", help="messages of one invocation")
    add(
        "--image-kilobytes",
        type=_amount,
        default=usual.image_kilobytes,
        metavar="KB",
        help="size of an image",
    )
    add(
        "--video-megabytes", type=_amount, default=usual.video_megabytes, metavar="MB", help="size of a video"
    )


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
