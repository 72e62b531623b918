"""Flags, settings, codes, fields and names stay as they are. After a change that is meant, write them anew
with ``pytest tests/golden --update-golden`` and read the difference."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import extractor.__main__
from extractor.backends.queues.base import QueueDepth
from extractor.domain.costs import Workload, cost_per_video
from extractor.enqueue.monitor import DrainProgress, QueueSample
from extractor.enqueue.report import RunReport, end_json, progress_json, summary_json
from extractor.enqueue.summary import Summary
from tests.golden import wire
from tests.handler.conftest import World

Compare = Callable[[str, str], None]

NAMES: dict[str, Callable[[], str]] = {
    "reason_codes.txt": wire.reason_codes,
    "settings.txt": wire.settings,
    "message_fields.txt": wire.message_fields,
}
MANIFESTS = {
    "frames": ["--measures"],
    "tar": ["--output", "tar"],
    "storyboard": ["--storyboard"],
    "scenes": ["--strategy", "scene", "--scene-threshold", "1"],
    "notes": ["--timestamps", "0,99"],
}


@pytest.mark.parametrize("name", wire.COMMAND_LINES)
def test_the_help_of_a_command_line_stays(name: str, compare: Compare) -> None:
    compare(f"help-{name}.txt", wire.help_text(wire.COMMAND_LINES[name]))


@pytest.mark.parametrize("name", NAMES)
def test_names_and_defaults_stay(name: str, compare: Compare) -> None:
    compare(name, NAMES[name]())


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_new_manifest_has_the_fields_that_it_had(
    name: str, compare: Compare, plain_clip: Path, tmp_path: Path
) -> None:
    assert extractor.__main__.main([str(plain_clip), "--out", str(tmp_path), *MANIFESTS[name]]) == 0
    manifest = json.loads((tmp_path / plain_clip.stem / "manifest.json").read_bytes())
    compare(f"manifest-{name}.txt", wire.shape(manifest))


def test_what_the_worker_tells_stays(
    compare: Compare,
    world: World,
    plain_clip: Path,
    logs: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for code in ("good", "direct"):
        world.add_video(code, plain_clip)
    world.add_row("missing")
    world.add_row("waiting", is_fetched=False)
    world.deliver({"code": "good"}, {"code": "missing"}, {"code": "waiting"})
    world.deliver({"code": "waiting"}, seconds=0)
    own = {"Records": [_announcement("oriane-frames", "good/000000.jpg")]}
    answers = [world.invoke(event) for event in ({"code": "direct"}, {"code": "missing"}, own)]
    letters = world.dead_letters()
    compare("log_fields.txt", wire.log_fields(iter(logs.getvalue().splitlines())))
    compare("metrics.txt", wire.metrics(iter(capsys.readouterr().out.splitlines())))
    compare("answers.txt", wire.shape(answers))
    compare("dead_letters.txt", wire.shape(letters))


def test_what_the_enqueuer_tells_in_json_stays(compare: Compare) -> None:
    look = QueueSample(0.0, QueueDepth(3, 2, 1, 0), 5, 1, {"UNREADABLE": 1})
    progress = DrainProgress(look, settled=4, per_second=2.0, seconds_left=2.5, drained=False)
    summary = RunReport(Summary(), dry_run=False, seconds=1.0, cost=cost_per_video(Workload()))
    told = {"summary": summary_json(summary), "look": progress_json(progress), "drained": end_json(progress)}
    compare("enqueuer_json.txt", wire.shape({name: json.loads(line) for name, line in told.items()}))


def _announcement(bucket: str, key: str) -> dict[str, object]:
    """A record of S3's notification that an object was created."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-31T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 1, "eTag": "0" * 32, "sequencer": "0"},
        },
    }
