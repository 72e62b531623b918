"""The demo (`python -m local.demo [--out DIR] [VIDEO …]`): extract frames of videos and show them on a page.

The enqueuer fills a queue and the Lambda handler empties it, as on AWS; only the cloud is embedded. Exits
with 0 if every video ended as expected, 1 if one did not, 2 if the demo could not run, 130 after Ctrl-C.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from extractor.cli.terminal import path_argument
from local.cloud import EmbeddedCloud
from local.demo.dataset import export, read_back
from local.demo.distinct import distinct_frames
from local.demo.download import FrameDownload
from local.demo.gallery import Card, Gallery, card_of, render
from local.demo.outcomes import Finished
from local.demo.receiver import Receiver
from local.demo.run import VISIBILITY_SECONDS, process
from local.demo.setup import IN_SLICES, demo_environment, enqueue, upload
from local.demo.videos import DemoVideo, generated_videos, given_videos
from local.demo.workspace import Workspace, open_workspace
from local.embedded.child_process import ChildEndedError
from local.errors import DemoError


def main() -> int:
    arguments = _arguments()
    try:
        given = given_videos(arguments.videos)
        with open_workspace(arguments.out) as workspace:
            return _run(workspace, given)
    except KeyboardInterrupt:
        print("\nInterrupted; all processes have ended.", file=sys.stderr)
        return 130
    except DemoError as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError, ChildEndedError, TimeoutError) as error:
        print(
            f"error: the embedded cloud does not answer ({error}); see {arguments.out}/logs", file=sys.stderr
        )
    return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="demo.sh", description="Extract frames on this machine as on AWS, and show them on a page."
    )
    parser.add_argument(
        "--out", type=path_argument, default=Path("demo-output"), metavar="DIR", help="output folder"
    )
    parser.add_argument(
        "videos",
        type=path_argument,
        nargs="*",
        metavar="VIDEO",
        help="video files (default: seven generated clips)",
    )
    return parser.parse_args()


def _run(workspace: Workspace, given: list[DemoVideo]) -> int:
    if not given:
        print("Making six short clips, and one of two minutes …", flush=True)
    videos = given or generated_videos(workspace.clips)
    print("Starting the embedded cloud: S3, SQS, a dead-letter queue …", flush=True)
    with (
        Receiver() as receiver,
        EmbeddedCloud(
            visibility_timeout_seconds=VISIBILITY_SECONDS, log=workspace.logs / "cloud.log"
        ) as cloud,
    ):
        environment = demo_environment(cloud, workspace, os.environ) | receiver.environment()
        gallery = _extract(cloud, workspace, environment, videos)
        print(_table(gallery.cards))
        print(
            f"Checked: {gallery.frame_count} frames, all of the size and SHA-256 that their manifests state."
        )
        _show_notifications(receiver)
        if gallery.frame_count:
            print(f"\n$ {export(cloud, workspace, environment)}")
            count = read_back(workspace, gallery.manifests)
            print(f"Read back: {count} images in the shard, byte for byte those of the page.")
    workspace.page.write_text(render(gallery), encoding="utf-8")
    print(f"\nOpen {workspace.page}")
    return 0 if all(card.as_expected for card in gallery.cards) else 1


def _show_notifications(receiver: Receiver) -> None:
    events = receiver.events()
    print(f"\nA webhook on this machine got {len(events)} signed notifications.")
    for event in events[:1]:
        print(f"The first of them:\n{json.dumps(event, indent=2)}")


def _extract(
    cloud: EmbeddedCloud, workspace: Workspace, environment: Mapping[str, str], videos: Sequence[DemoVideo]
) -> Gallery:
    finished: dict[str, Finished] = {}
    seconds = 0.0
    for settings, group in _groups(videos):
        upload(cloud, workspace, group)
        print(f"\nUploaded: {len(group)}. Now, as a user would:\n\n$ python run_sqs_batches.py", flush=True)
        enqueue(workspace, environment)
        given = ", ".join(f"{name}={value}" for name, value in settings.items())
        print(f"\nThe Lambda handler empties the queue{given and f', with {given}'}:", flush=True)
        start = time.monotonic()
        finished |= process(cloud, workspace, {**environment, **settings}, [video.code for video in group])
        seconds += time.monotonic() - start
    frames = FrameDownload(cloud.s3(), cloud.FRAMES_BUCKET, workspace.frames)
    cards = [card_of(video, finished[video.code], frames) for video in videos]
    return Gallery([_with_distinct(card, workspace) for card in cards], seconds)


def _groups(videos: Sequence[DemoVideo]) -> Iterator[tuple[Mapping[str, str], Sequence[DemoVideo]]]:
    """Yield the videos that have the same settings: first the long ones, which are made in slices."""
    if long := [video for video in videos if video.is_long]:
        yield IN_SLICES, long
    yield {}, [video for video in videos if not video.is_long]


def _with_distinct(card: Card, workspace: Workspace) -> Card:
    if not card.video.shows_distinct or card.manifest is None:
        return card
    return replace(card, distinct=distinct_frames(card.video, card.manifest, workspace.work))


def _table(cards: Sequence[Card]) -> str:
    """Format a table; control characters of videos are replaced."""
    rows = [("VIDEO", "OUTCOME", "FRAMES", "SECONDS", "REASON"), *map(_row, cards)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n" + "\n".join(lines) + "\n"


def _row(card: Card) -> tuple[str, str, str, str, str]:
    outcome = card.finished.outcome
    detail = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in outcome.detail)
    return (
        card.video.code,
        "failed" if outcome.reason else "extracted",
        str(len(card.manifest.frames)) if card.manifest else "-",
        f"{card.finished.seconds:.2f}",
        f"{outcome.reason}: {detail}" if outcome.reason else "",
    )


if __name__ == "__main__":
    sys.exit(main())
