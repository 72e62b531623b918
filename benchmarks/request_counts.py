"""`python -m benchmarks.request_counts`: what AWS counts for one video: requests, bytes, log.

The real handler works on a batch of new videos, at its first delivery, with the state in Supabase and
in DynamoDB. They do not depend on the machine; docs/explanation/cost.md has the prices. Prints Markdown.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import boto3

from benchmarks.support.clips import CLIPS, ensure
from benchmarks.support.deployment import Deployment, deployed
from benchmarks.support.environment import describe_versions
from benchmarks.support.table_stub import serving_table
from benchmarks.support.tables import render_table
from local.lambda_runtime.sqs_event import failed_ids

_HANDLER = "benchmarks.support.counting_handler.handle"
_TABLE = "videos"
_CLIP = next(clip for clip in CLIPS if clip.name == "h264-portrait")

Counts = Mapping[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    video = options.video or ensure(_CLIP)
    with deployed(0) as deployment, serving_table() as table:
        states = {
            "Supabase": {"STATE_BACKEND": "supabase", "SUPABASE_URL": table, "SUPABASE_KEY": "any"},
            "DynamoDB": {"STATE_BACKEND": "dynamodb", "VIDEOS_TABLE": _made_table(deployment)},
        }
        counts = {
            name: _count(
                replace(deployment, environment=deployment.environment | state), video, options.records
            )
            for name, state in states.items()
        }
    print("\n".join(_report(counts, video, options.records)))
    return 0


def _count(deployment: Deployment, video: Path, records: int) -> Counts:
    """Return the counts per video of a batch in a warm function."""
    with deployment.function(_HANDLER) as function:
        function.invoke(deployment.order(video, records))
        order = deployment.order(video, records)
        with _growth(deployment) as grown:
            answer = function.invoke(order)
    if failed := failed_ids([record["messageId"] for record in order["Records"]], answer):
        raise RuntimeError(f"the handler gave back {len(failed)} of {records} records")
    total = {"bytes of the video": records * video.stat().st_size, **grown, **answer["counts"]}
    return {name: count / records for name, count in total.items()}


@contextmanager
def _growth(deployment: Deployment) -> Iterator[dict[str, int]]:
    """Yield a record that is filled at the end with what the block added to the bucket and to the log."""
    before, grown = _sizes(deployment), dict[str, int]()
    yield grown
    grown |= {name: size - before[name] for name, size in _sizes(deployment).items()}


def _sizes(deployment: Deployment) -> dict[str, int]:
    pages = (
        deployment.cloud.s3().get_paginator("list_objects_v2").paginate(Bucket=deployment.cloud.FRAMES_BUCKET)
    )
    stored = [entry for page in pages for entry in page.get("Contents", ())]
    return {
        "objects stored": len(stored),
        "bytes stored": sum(entry["Size"] for entry in stored),
        "bytes of log": (deployment.directory / "function.log").stat().st_size,
    }


def _made_table(deployment: Deployment) -> str:
    environment = deployment.cloud.environment()
    client = boto3.client(
        "dynamodb",
        endpoint_url=deployment.cloud.endpoint_url,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_table(
        TableName=_TABLE,
        AttributeDefinitions=[{"AttributeName": "video_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "video_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return _TABLE


def _report(counts: Mapping[str, Counts], video: Path, records: int) -> Iterator[str]:
    yield f"{describe_versions(['boto3'])}.\n"
    yield f"For one video of a batch of {records} ({video.stem}), warm, at the first delivery:\n"
    names = dict.fromkeys(name for count in counts.values() for name in count)
    rows = [[name, *(f"{count.get(name, 0):,.0f}" for count in counts.values())] for name in names]
    yield render_table(["for one video", *counts], rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.request_counts", description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", help=f"a video of yours instead of {_CLIP.name}")
    parser.add_argument("--records", type=int, default=5, metavar="N", help="of the batch (default: 5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
