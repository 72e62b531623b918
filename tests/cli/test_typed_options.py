"""The command lines hand typed, immutable options to what they run."""

from datetime import timedelta
from pathlib import Path

import pytest

from extractor.domain.costs import Workload
from extractor.enqueue.arguments import EnqueueOptions
from extractor.enqueue.arguments import parse_arguments as parse_enqueue
from extractor.reconcile.arguments import parse_arguments as parse_reconcile
from extractor.reconcile.findings import FindingKind

SUBCOMMANDS = ("status", "verify", "repair", "orphans", "prune", "replay", "announce", "report")


def test_options_that_are_not_given_have_their_defaults() -> None:
    assert parse_enqueue([]) == EnqueueOptions(
        retry_failed=False,
        since=None,
        requeue_after_hours=None,
        codes=None,
        limit=None,
        checkpoint=None,
        message_group="backlog",
        senders=8,
        page_size=1000,
        max_usd=None,
        workload=Workload(),
        dry_run=False,
        watch=False,
        watch_only=False,
        watch_every=5.0,
        as_json=False,
        message_fields={},
    )


def test_sampling_options_and_the_platform_are_fields_of_every_message() -> None:
    options = parse_enqueue(["--platform", "tiktok", "--interval", "0.5", "--format", "webp"])
    assert options.message_fields == {"platform": "tiktok", "interval_seconds": 0.5, "image_format": "webp"}


def test_the_assumptions_of_the_cost_estimate_are_a_workload() -> None:
    arguments = ["--seconds-per-video", "3", "--frames-per-video", "7", "--memory-mb", "512"]
    assert parse_enqueue(arguments).workload == Workload(
        seconds_per_video=3, memory_mb=512, frames_per_video=7
    )


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_gives_options(name: str) -> None:
    assert parse_reconcile([name]).command == name


def test_the_options_of_repair_are_typed() -> None:
    options = parse_reconcile(
        ["repair", "--only", "NO_MANIFEST", "--only", "SOURCE_GONE", "--older-than", "2d", "--csv", "a.csv"]
    )
    assert options.only == (FindingKind.NO_MANIFEST, FindingKind.SOURCE_GONE)
    assert (options.older_than, options.csv, options.json) == (timedelta(days=2), Path("a.csv"), None)
    assert (options.apply, options.deep, options.sample) == (False, False, 0.01)


def test_the_reasons_of_replay_are_immutable() -> None:
    assert parse_reconcile(["replay", "--reason", "A", "--reason", "B", "--apply"]).reason == ("A", "B")
    assert hash(parse_reconcile(["replay"]))
